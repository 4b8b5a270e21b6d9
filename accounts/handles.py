"""What a public handle may look like."""

from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

HANDLE_MAX_LENGTH = 30

# Names that would pass for the site itself, or that are addresses of it.
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

validate_handle_form = RegexValidator(
    r"^[a-z0-9](?:[a-z0-9]|[-_](?=[a-z0-9])){1,29}\Z",
    "Use 2 to 30 letters from a to z, digits, and single hyphens or underscores between them.",
)


# Characters that are read as one another: `admln`, `rnoderator`, `0fficial`.
_LOOK_ALIKES = (("rn", "m"), ("vv", "w"), ("0", "o"), ("1", "l"), ("i", "l"), ("5", "s"))


def skeleton(handle: str) -> str:
    """Return what a handle looks like: equal for handles that are read as one another."""
    seen = handle.lower().replace("-", "").replace("_", "")
    for written, read_as in _LOOK_ALIKES:
        seen = seen.replace(written, read_as)
    return seen


_RESERVED_SKELETONS = frozenset(skeleton(handle) for handle in RESERVED_HANDLES)


def validate_handle_free_to_choose(handle: str) -> None:
    """Refuse a reserved handle. Raises ValidationError."""
    if skeleton(handle) in _RESERVED_SKELETONS:
        raise ValidationError(
            "This handle is reserved for the site itself, or looks like one that is."
        )


# What sign-up checks; the model checks the same.
HANDLE_VALIDATORS: list[Callable[[str], None]] = [
    validate_handle_form,
    validate_handle_free_to_choose,
]
