"""Paying for one's claim: to the provider, back from it, or not after all."""

from __future__ import annotations

import logging

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from momentverse.http.redirects import see_other
from timeline.core.exceptions import ClaimRefused, TimelineBusy, TimelineError
from timeline.core.span_display import SpanDisplay
from timeline.models import CheckoutState, Moment, OrderStatus, Status
from timeline.services.claims import fulfilment
from timeline.services.payments import checkout as checkouts
from timeline.services.payments import settlement
from timeline.services.payments.exceptions import PaymentUnavailable
from timeline.services.payments.providers.base import ProviderError
from timeline.views.claims.decorators import claim_owner_required, get_own_claim
from timeline.views.claims.responses import render_refusal, render_review

logger = logging.getLogger("timeline.payments")

WAIT_SECONDS = 5


@require_POST
@claim_owner_required
def pay(request: HttpRequest, claim: Moment) -> HttpResponse:
    """Lead to the provider's page; what costs nothing is its person's at once."""
    if claim.status == Status.ACTIVE:
        return see_other("timeline:claim-done", claim.pk)
    try:
        if not claim.order.amount:
            fulfilment.claim_free_of_charge(claim)
            return see_other("timeline:claim-done", claim.pk)
        return see_other(checkouts.start_checkout(claim).url)
    except PaymentUnavailable as error:
        return _render_unavailable(request, claim, error)
    except (ClaimRefused, TimelineBusy) as error:
        return render_refusal(request, claim, error)


@require_safe
@claim_owner_required
def done(request: HttpRequest, claim: Moment) -> HttpResponse:
    """Tell what our database says of the payment, after asking the provider once.

    What the address brings along (a session's id, say) is not looked at.
    """
    _poll_provider(claim)
    fresh = get_own_claim(request, claim.pk)
    if fresh.status == Status.HELD:
        return redirect("timeline:claim-review", fresh.pk)
    waiting = fresh.order.status == OrderStatus.OPEN and fresh.status == Status.PAYING
    context = {
        "moment": fresh,
        "order": fresh.order,
        "told": SpanDisplay.of_moment(fresh),
        "waiting": waiting,
        "is_on_its_way": fresh.order.checkouts.filter(state=CheckoutState.PENDING).exists(),
    }
    response = render(request, "claim/done.html", context)
    if waiting:
        response["Refresh"] = str(WAIT_SECONDS)
    return response


@require_POST
@claim_owner_required
def cancel(request: HttpRequest, claim: Moment) -> HttpResponse:
    """Close the payment and free the span."""
    try:
        checkouts.cancel_payment(claim)
    except PaymentUnavailable as error:
        return _render_unavailable(request, claim, error)
    except (ClaimRefused, TimelineBusy) as error:
        return render_refusal(request, claim, error)
    fresh = get_own_claim(request, claim.pk)
    if fresh.status != Status.RELEASED:
        return see_other("timeline:claim-done", fresh.pk)  # it was paid in between
    messages.success(request, "You gave it back. Nothing is charged.")
    return see_other("timeline:claim-choose")


def _poll_provider(claim: Moment) -> None:
    """Settle what the provider knows by now; without an answer the page tells what we know."""
    open_one = checkouts.get_unsettled_checkout(claim)
    if open_one is None:
        return
    try:
        settlement.refresh(open_one)
    except (ProviderError, TimelineBusy) as error:
        logger.warning("return page: %s cannot be settled now: %s", open_one, error)


def _render_unavailable(request: HttpRequest, claim: Moment, error: TimelineError) -> HttpResponse:
    fresh = get_own_claim(request, claim.pk)
    response = render_review(request, fresh, problem=str(error), status=503)
    response["Retry-After"] = str(WAIT_SECONDS)
    return response
