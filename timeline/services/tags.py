"""Tags as people write them, and putting them on moments."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.text import slugify

from timeline.core.exceptions import TagRefused
from timeline.models import Moment, MomentTag, Tag
from timeline.models.tag import TAG_LENGTH

MAX_TAGS = 20


def parse_tags(written: Iterable[str]) -> tuple[str, ...]:
    """Return tags as they are stored, ``lower-case-with-hyphens``, each once.

    Raises TagRefused for one that has no letter a to z nor digit, or is too
    long, and for too many.
    """
    names = dict.fromkeys(_normalize_tag(text) for text in written if text.strip())
    if len(names) > MAX_TAGS:
        raise TagRefused(f"tags: there are {len(names)}, {MAX_TAGS} at most.")
    return tuple(names)


def get_or_create_tags(names: set[str]) -> dict[str, Tag]:
    """Return tags by name; those that do not exist are made."""
    found = {tag.name: tag for tag in Tag.objects.filter(name__in=names)}
    # In order, so that two writers never wait for each other in a ring.
    missing = sorted(names - found.keys())
    if missing:
        Tag.objects.bulk_create((Tag(name=name) for name in missing), ignore_conflicts=True)
        found |= {tag.name: tag for tag in Tag.objects.filter(name__in=missing)}
    return found


def set_tags(moment: Moment, tags: Iterable[Tag], *, replace: bool) -> None:
    """Put tags on a saved moment; with ``replace`` those that it had besides come off."""
    tags = list(tags)
    if replace:
        MomentTag.objects.filter(moment=moment).exclude(tag__in=tags).delete()
    MomentTag.objects.bulk_create(
        (MomentTag(moment=moment, tag=tag, starts_at=moment.starts_at) for tag in tags),
        ignore_conflicts=True,
    )


def _normalize_tag(text: str) -> str:
    name = slugify(text.replace("_", "-")).strip("-")
    name = "-".join(part for part in name.split("-") if part)
    if not name:
        raise TagRefused(f"tags: {text.strip()!a} has no letter from a to z and no digit.")
    if len(name) > TAG_LENGTH:
        raise TagRefused(f"tags: one is {len(name)} characters long, {TAG_LENGTH} at most.")
    return name
