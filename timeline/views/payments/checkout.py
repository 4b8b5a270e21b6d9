"""Pay for a claim: redirect to the provider, show the result, or cancel the payment."""

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

# How often the return page reloads while it waits for the payment, and the Retry-After of a 503.
WAIT_SECONDS = 5


@require_POST
@claim_owner_required
def pay(request: HttpRequest, claim: Moment) -> HttpResponse:
    """Redirect to the provider's page. A claim without a price becomes active at once."""
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
    """Show the state of the payment from our database, after polling the provider once.

    Query parameters, such as the id of a session, are ignored.
    """
    _poll_provider(claim)
    claim = get_own_claim(request, claim.pk)
    if claim.status == Status.HELD:
        return redirect("timeline:claim-review", claim.pk)
    is_waiting = claim.order.status == OrderStatus.OPEN and claim.status == Status.PAYING
    context = {
        "moment": claim,
        "order": claim.order,
        "display": SpanDisplay.of_moment(claim),
        "is_waiting": is_waiting,
        "is_on_its_way": claim.order.checkouts.filter(state=CheckoutState.PENDING).exists(),
    }
    response = render(request, "timeline/claim/done.html", context)
    if is_waiting:
        response["Refresh"] = str(WAIT_SECONDS)
    return response


@require_POST
@claim_owner_required
def cancel(request: HttpRequest, claim: Moment) -> HttpResponse:
    """Cancel the payment and release the span."""
    try:
        checkouts.cancel_payment(claim)
    except PaymentUnavailable as error:
        return _render_unavailable(request, claim, error)
    except (ClaimRefused, TimelineBusy) as error:
        return render_refusal(request, claim, error)
    claim = get_own_claim(request, claim.pk)
    if claim.status != Status.RELEASED:
        return see_other("timeline:claim-done", claim.pk)  # it was paid in the meantime
    messages.success(request, "You gave it back. Nothing is charged.")
    return see_other("timeline:claim-choose")


def _poll_provider(claim: Moment) -> None:
    """Settle the claim's payment. If the provider does not answer, the page shows the stored state."""
    checkout = checkouts.get_unsettled_checkout(claim)
    if checkout is None:
        return
    try:
        settlement.refresh(checkout)
    except (ProviderError, TimelineBusy) as error:
        logger.warning("return page: %s cannot be settled now: %s", checkout, error)


def _render_unavailable(request: HttpRequest, claim: Moment, error: TimelineError) -> HttpResponse:
    claim = get_own_claim(request, claim.pk)
    response = render_review(request, claim, problem=str(error), status=503)
    response["Retry-After"] = str(WAIT_SECONDS)
    return response
