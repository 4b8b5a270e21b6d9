"""Describe a claim and edit a moment: title, story, place, tags and visibility."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from timeline.core.exceptions import FROZEN_WORDS, ClaimRefused
from timeline.models import Moment, MomentRevision, Order, OrderStatus, Status, Visibility
from timeline.services import placement
from timeline.services.claims.holds import _locked, while_held
from timeline.services.claims.orders import _reprice
from timeline.services.tags import get_or_create_tags, parse_tags, set_tags


@dataclass(frozen=True)
class Words:
    """What a person says of their moment, as they wrote it."""

    title: str
    story: str = ""
    place: str = ""
    tags: tuple[str, ...] = ()
    visibility: str = Visibility.PUBLIC


def describe(moment: Moment, words: Words) -> None:
    """Keep what a person says of a span that they hold, and its price.

    Raises ClaimRefused when the hold is over, ValidationError or TagRefused
    when the words cannot be kept.
    """

    def change(order: Order, held: Moment) -> None:
        _put_words(held, words)
        _reprice(order, held)
        order.save(update_fields=["amount", "lines"])

    while_held(moment, change)


def edit(moment: Moment, words: Words) -> None:
    """Change what an active moment says; what it said before is kept. Its time never changes.

    Raises ClaimRefused while its payment is disputed or when it is not active
    any more, ValidationError or TagRefused when the words cannot be kept, and
    TimelineBusy.
    """

    def run() -> None:
        with transaction.atomic():
            order = Order.objects.select_for_update().filter(moment=moment).first()
            if order and order.status == OrderStatus.DISPUTED:
                raise ClaimRefused(FROZEN_WORDS)
            with placement.placing([moment.span]):
                active = _locked(moment)
                if active.status != Status.ACTIVE:
                    raise ClaimRefused("This moment is not on the timeline any more.")
                _keep_revision(active)
                _put_words(active, words)

    placement.retrying(run)


def _put_words(moment: Moment, words: Words) -> None:
    names = parse_tags(words.tags)
    moment.title, moment.story, moment.place = words.title, words.story, words.place
    if not moment.hidden_at:  # by staff, and then who sees it is not its owner's choice
        moment.visibility = words.visibility
    moment.full_clean(validate_unique=False, validate_constraints=False)
    placement.place(moment)
    set_tags(moment, get_or_create_tags(set(names)).values(), replace=True)


def _keep_revision(moment: Moment) -> None:
    MomentRevision.objects.create(
        moment=moment,
        title=moment.title,
        story=moment.story,
        place=moment.place,
        visibility=moment.visibility,
        tags=" ".join(tag.name for tag in moment.tags.all()),
    )
