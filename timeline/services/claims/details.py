"""Change what a claim or a moment says: title, story, place, tags and visibility."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from timeline.core.exceptions import ClaimRefused, MomentDisputed
from timeline.models import Moment, MomentRevision, Order, OrderStatus, Status, Visibility
from timeline.services.claims.holds import lock_moment, locked_hold
from timeline.services.claims.orders import update_price
from timeline.services.placement import lock_spans, retry_on_conflict, save_moment
from timeline.services.tags import get_or_create_tags, parse_tags, set_tags


@dataclass(frozen=True)
class MomentDetails:
    """What a person writes about their moment, not yet normalised."""

    title: str
    story: str = ""
    place: str = ""
    tags: tuple[str, ...] = ()
    visibility: str = Visibility.PUBLIC


@retry_on_conflict
def update_details(moment: Moment, details: MomentDetails) -> None:
    """Store the details of a held moment, and its price, which depends on the visibility.

    Raises ClaimRefused when the hold is over, ValidationError or TagRefused for
    details that the rules do not allow, and TimelineBusy.
    """
    with locked_hold(moment) as (order, held):
        _apply_details(held, details)
        update_price(order, held)
        order.save(update_fields=["amount", "lines"])


@retry_on_conflict
def edit_moment(moment: Moment, details: MomentDetails) -> None:
    """Change the details of an active moment and keep the old ones as a revision.

    Its time never changes. Raises MomentDisputed while its payment is disputed,
    ClaimRefused when it is not active any more, ValidationError or TagRefused
    for details that the rules do not allow, and TimelineBusy.
    """
    with transaction.atomic():
        order = Order.objects.select_for_update().filter(moment=moment).first()
        if order and order.status == OrderStatus.DISPUTED:
            raise MomentDisputed
        with lock_spans([moment.span]):
            active = lock_moment(moment)
            if active.status != Status.ACTIVE:
                raise ClaimRefused("This moment is not on the timeline any more.")
            _save_revision(active)
            _apply_details(active, details)


def _apply_details(moment: Moment, details: MomentDetails) -> None:
    tags = parse_tags(details.tags)
    moment.title, moment.story, moment.place = details.title, details.story, details.place
    if not moment.hidden_at:  # while staff hides it, its owner cannot choose who sees it
        moment.visibility = details.visibility
    moment.full_clean(validate_unique=False, validate_constraints=False)
    save_moment(moment)
    set_tags(moment, get_or_create_tags(set(tags)).values(), replace=True)


def _save_revision(moment: Moment) -> None:
    MomentRevision.objects.create(
        moment=moment,
        title=moment.title,
        story=moment.story,
        place=moment.place,
        visibility=moment.visibility,
        tags=" ".join(tag.name for tag in moment.tags.all()),
    )
