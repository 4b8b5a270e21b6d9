"""Describe a claim and edit a moment: title, story, place, tags and visibility."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from timeline.core.exceptions import ClaimRefused, MomentDisputed
from timeline.models import Moment, MomentRevision, Order, OrderStatus, Status, Visibility
from timeline.services import placement
from timeline.services.claims.holds import lock_moment, locked_hold
from timeline.services.claims.orders import update_price
from timeline.services.tags import get_or_create_tags, parse_tags, set_tags


@dataclass(frozen=True)
class MomentDetails:
    """What a person says of their moment, as they wrote it."""

    title: str
    story: str = ""
    place: str = ""
    tags: tuple[str, ...] = ()
    visibility: str = Visibility.PUBLIC


def update_details(moment: Moment, words: MomentDetails) -> None:
    """Keep what a person says of a span that they hold, and its price.

    Raises ClaimRefused when the hold is over, ValidationError or TagRefused
    when the words cannot be kept.
    """

    def change(order: Order, held: Moment) -> None:
        _apply_details(held, words)
        update_price(order, held)
        order.save(update_fields=["amount", "lines"])

    locked_hold(moment, change)


def edit_moment(moment: Moment, words: MomentDetails) -> None:
    """Change what an active moment says; what it said before is kept. Its time never changes.

    Raises ClaimRefused while its payment is disputed or when it is not active
    any more, ValidationError or TagRefused when the words cannot be kept, and
    TimelineBusy.
    """

    def run() -> None:
        with transaction.atomic():
            order = Order.objects.select_for_update().filter(moment=moment).first()
            if order and order.status == OrderStatus.DISPUTED:
                raise MomentDisputed
            with placement.lock_spans([moment.span]):
                active = lock_moment(moment)
                if active.status != Status.ACTIVE:
                    raise ClaimRefused("This moment is not on the timeline any more.")
                _save_revision(active)
                _apply_details(active, words)

    placement.retrying(run)


def _apply_details(moment: Moment, words: MomentDetails) -> None:
    names = parse_tags(words.tags)
    moment.title, moment.story, moment.place = words.title, words.story, words.place
    if not moment.hidden_at:  # by staff, and then who sees it is not its owner's choice
        moment.visibility = words.visibility
    moment.full_clean(validate_unique=False, validate_constraints=False)
    placement.save_moment(moment)
    set_tags(moment, get_or_create_tags(set(names)).values(), replace=True)


def _save_revision(moment: Moment) -> None:
    MomentRevision.objects.create(
        moment=moment,
        title=moment.title,
        story=moment.story,
        place=moment.place,
        visibility=moment.visibility,
        tags=" ".join(tag.name for tag in moment.tags.all()),
    )
