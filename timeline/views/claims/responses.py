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
    """Show the message of ``error`` on the page for the claim's present state.

    If the hold is over, what was typed into ``form`` is kept in the session for the next claim.
    """
    current = get_own_claim(request, claim.pk)
    if _is_held(current):
        form = form or build_details_form(request, current)
        return render_details(
            request, current, form, problem=str(error), status=status_code_for(error)
        )
    if form is not None:
        session.save_details(request.session, form.raw_data)
    response = respond_if_not_held(request, current)
    assert response is not None
    return response


def respond_if_not_held(request: HttpRequest, claim: Moment) -> HttpResponse | None:
    """Return the response for a claim that is not held any more, or None while it is."""
    if claim.status == Status.ACTIVE:
        return see_other(claim)
    if claim.status == Status.PAYING:
        return see_other("timeline:claim-review", claim.pk)
    return None if _is_held(claim) else _render_over(request, claim)


def _is_held(claim: Moment) -> bool:
    ends = claim.held_until
    return claim.status == Status.HELD and ends is not None and ends > timezone.now()


def build_details_form(request: HttpRequest, claim: Moment) -> MomentDetailsForm:
    """Return the form with what was typed before, if the session has it, else with the stored details."""
    typed = session.get_details(request.session, claim)
    return MomentDetailsForm(initial=MomentDetailsForm.initial_from(claim) | typed)


def render_details(
    request: HttpRequest,
    claim: Moment,
    form: MomentDetailsForm,
    *,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    """Show the form for the details of a held moment."""
    context = _build_hold_context(claim) | {
        "form": form,
        "visibility_choices": form.visibility_choices(claim.order),
        "problem": problem,
    }
    return render(request, "timeline/claim/details.html", context, status=status)


def render_review(
    request: HttpRequest, claim: Moment, *, problem: str = "", status: int = 200
) -> HttpResponse:
    """Show a claim with its price, before or while it is paid for."""
    context = _build_hold_context(claim) | {
        "order": claim.order,
        "tags": claim.tags.all(),
        "seen_by": VISIBILITY_TEXTS[Visibility(claim.visibility)],
        "paying": claim.status == Status.PAYING,
        "problem": problem,
    }
    return render(request, "timeline/claim/review.html", context, status=status)


def _build_hold_context(claim: Moment) -> dict[str, Any]:
    left = (claim.held_until or timezone.now()) - timezone.now()
    return {
        "moment": claim,
        "display": SpanDisplay.of_moment(claim),
        "seconds_left": max(0, int(left.total_seconds())),
        "time_left": format_time_left(int(left.total_seconds())),
        "extensions_left": settings.HOLD_EXTENSIONS - claim.order.extensions,
    }


def _render_over(request: HttpRequest, claim: Moment) -> HttpResponse:
    open_claims = list_viewer_claims(request.user)
    title, message = _explain_end(claim)
    context = {
        "title": title,
        "message": message,
        "has_saved_details": bool(session.get_details(request.session, Moment())),
        "offer": get_offer(SpanDisplay.of_moment(claim), open_claims),
        "open_claims": open_claims,
    }
    status = 200 if request.method in ("GET", "HEAD") else 409
    return render(request, "timeline/claim/over.html", context, status=status)


def _explain_end(claim: Moment) -> tuple[str, str]:
    """Return a heading and a sentence that say why a claim is over."""
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
