"""Parse the tags that people write, and set them on moments."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.text import slugify

from timeline.core.exceptions import TagRefused
from timeline.models import Moment, MomentTag, Tag
from timeline.models.tag import TAG_LENGTH

MAX_TAGS = 20


def parse_tags(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the names of tags, ``lower-case-with-hyphens``, without duplicates.

    Raises TagRefused for a tag that is too long or has neither a letter from a
    to z nor a digit, and for more than MAX_TAGS tags.
    """
    names = dict.fromkeys(_normalize_tag(text) for text in texts if text.strip())
    if len(names) > MAX_TAGS:
        raise TagRefused(f"tags: there are {len(names)}, {MAX_TAGS} at most.")
    return tuple(names)


def get_or_create_tags(names: set[str]) -> dict[str, Tag]:
    """Return tags by name. Missing ones are created."""
    tags = {tag.name: tag for tag in Tag.objects.filter(name__in=names)}
    # Sorted, so that two writers of the same tags cannot deadlock.
    missing = sorted(names - tags.keys())
    if missing:
        Tag.objects.bulk_create((Tag(name=name) for name in missing), ignore_conflicts=True)
        tags |= {tag.name: tag for tag in Tag.objects.filter(name__in=missing)}
    return tags


def set_tags(moment: Moment, tags: Iterable[Tag], *, replace: bool) -> None:
    """Add tags to a saved moment. With ``replace``, remove its other tags."""
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
