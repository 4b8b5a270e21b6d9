"""Responses that several steps of a claim share."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from momentverse.http.redirects import see_other
from timeline.core.exceptions import TimelineError
from timeline.core.formatting import format_time_left
from timeline.core.span_display import SpanDisplay
from timeline.models import Moment, OrderStatus, Status, Visibility
from timeline.views.claims import session
from timeline.views.claims.decorators import get_own_claim
from timeline.views.claims.offers import get_offer, list_viewer_claims
from timeline.views.moments.forms import VISIBILITY_TEXTS, MomentDetailsForm
from timeline.views.shortcuts import status_code_for


def render_refusal(
    request: HttpRequest, claim: Moment, error: TimelineError, form: MomentDetailsForm | None = None
) -> HttpResponse:
    """Say what a rule has refused, on the page where the claim now stands; what was typed is kept."""
    fresh = get_own_claim(request, claim.pk)
    if _is_held(fresh):
        form = form or build_details_form(request, fresh)
        return render_details(
            request, fresh, form, problem=str(error), status=status_code_for(error)
        )
    if form is not None:
        session.save_details(request.session, form.raw_data)
    elsewhere = redirect_if_not_held(request, fresh)
    assert elsewhere is not None
    return elsewhere


def redirect_if_not_held(request: HttpRequest, claim: Moment) -> HttpResponse | None:
    """Return the answer for a claim that is not held, None for one that is."""
    if claim.status == Status.ACTIVE:
        return see_other(claim)
    if claim.status == Status.PAYING:
        return see_other("timeline:claim-review", claim.pk)
    return None if _is_held(claim) else _render_over(request, claim)


def _is_held(claim: Moment) -> bool:
    ends = claim.held_until
    return claim.status == Status.HELD and ends is not None and ends > timezone.now()


def build_details_form(request: HttpRequest, claim: Moment) -> MomentDetailsForm:
    """Return the form with what the claim says, or with words that were typed and not stored."""
    kept = session.get_details(request.session, claim)
    return MomentDetailsForm(initial=MomentDetailsForm.initial_from(claim) | kept)


def render_details(
    request: HttpRequest,
    claim: Moment,
    form: MomentDetailsForm,
    *,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    context = _hold_context(claim) | {
        "form": form,
        "visibilities": form.visibility_choices(claim.order),
        "problem": problem,
    }
    return render(request, "claim/details.html", context, status=status)


def render_review(
    request: HttpRequest, claim: Moment, *, problem: str = "", status: int = 200
) -> HttpResponse:
    """Show what is about to be paid for, or is being paid for."""
    context = _hold_context(claim) | {
        "order": claim.order,
        "tags": claim.tags.all(),
        "seen_by": VISIBILITY_TEXTS[Visibility(claim.visibility)],
        "paying": claim.status == Status.PAYING,
        "problem": problem,
    }
    return render(request, "claim/review.html", context, status=status)


def _hold_context(claim: Moment) -> dict[str, Any]:
    left = (claim.held_until or timezone.now()) - timezone.now()
    return {
        "moment": claim,
        "told": SpanDisplay.of_moment(claim),
        "seconds_left": max(0, int(left.total_seconds())),
        "time_left": format_time_left(int(left.total_seconds())),
        "extensions_left": settings.HOLD_EXTENSIONS - claim.order.extensions,
    }


def _render_over(request: HttpRequest, claim: Moment) -> HttpResponse:
    own = list_viewer_claims(request.user)
    offer = get_offer(SpanDisplay.of_moment(claim), own)
    title, words = _explain_end(claim)
    context = {
        "title": title,
        "words": words,
        "words_kept": session.get_details(request.session, Moment()),
        "offer": offer,
        "open_claims": own,
    }
    status = 200 if request.method in ("GET", "HEAD") else 409
    return render(request, "claim/over.html", context, status=status)


def _explain_end(claim: Moment) -> tuple[str, str]:
    """Return a heading and a sentence."""
    if claim.status == Status.REVOKED:
        return "This moment is off the timeline", "Its span can be claimed again."
    if claim.order.status in (OrderStatus.REFUNDING, OrderStatus.REFUNDED):
        return "This claim has ended", "The payment came too late; it is paid back in full."
    if claim.status_reason == "given back":
        return "You gave this span back", "Nothing was charged."
    return (
        "The time is over",
        "The span was kept for you, and the time to finish is over. Nothing was charged.",
    )
