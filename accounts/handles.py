"""Rules for public handles."""

from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

HANDLE_MAX_LENGTH = 30

# Names that look like the site itself, or that are part of its URLs.
RESERVED_HANDLES = frozenset(
    """
    about abuse account accounts admin administrator almanac api app auth billing blog
    certificate chronicle claim contact everybody everyone feed health help home legal
    login logout mail me metrics moderator moment moments momentverse nobody null official owner
    payments postmaster privacy profile root search security settings sign-in sign-up signin
    signup staff stars static status support system tags team terms timeline today trending
    undefined verify webmaster www
    """.split()
)

validate_handle_format = RegexValidator(
    r"^[a-z0-9](?:[a-z0-9]|[-_](?=[a-z0-9])){1,29}\Z",
    "Use 2 to 30 letters from a to z, digits, and single hyphens or underscores between them.",
)


# Characters that look like one another: `admln`, `rnoderator`, `0fficial`.
_LOOK_ALIKES = (("rn", "m"), ("vv", "w"), ("0", "o"), ("1", "l"), ("i", "l"), ("5", "s"))


def get_skeleton(handle: str) -> str:
    """Return the handle's skeleton, which is equal for handles that look alike."""
    result = handle.lower().replace("-", "").replace("_", "")
    for look_alike, canonical in _LOOK_ALIKES:
        result = result.replace(look_alike, canonical)
    return result


_RESERVED_SKELETONS = frozenset(get_skeleton(handle) for handle in RESERVED_HANDLES)


def validate_handle_not_reserved(handle: str) -> None:
    """Raise ValidationError if the handle is reserved, or looks like a reserved one."""
    if get_skeleton(handle) in _RESERVED_SKELETONS:
        raise ValidationError(
            "This handle is reserved for the site itself, or looks like one that is."
        )


# The model and the sign-up form both use these.
HANDLE_VALIDATORS: list[Callable[[str], None]] = [
    validate_handle_format,
    validate_handle_not_reserved,
]
