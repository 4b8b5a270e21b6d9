"""Describe a held moment and review it before paying: steps two and three of a claim."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from momentverse.http.redirects import see_other
from timeline.core.exceptions import ClaimRefused, TimelineBusy
from timeline.models import Moment, Status
from timeline.services.claims import holds
from timeline.services.claims.details import update_details
from timeline.views.claims import session
from timeline.views.claims.decorators import claim_owner_required
from timeline.views.claims.responses import (
    build_details_form,
    render_details,
    render_refusal,
    render_review,
    respond_if_not_held,
)
from timeline.views.moments.forms import MomentDetailsForm


@require_http_methods(["GET", "HEAD", "POST"])
@claim_owner_required
def details(request: HttpRequest, claim: Moment) -> HttpResponse:
    """Show the form for title, story, place, tags and visibility. Store it and go on to the review.

    Its button "extend" restarts the hold instead and keeps what was typed in the session.
    """
    if request.method != "POST":
        return respond_if_not_held(request, claim) or render_details(
            request, claim, build_details_form(request, claim)
        )
    form = MomentDetailsForm(request.POST)
    if "extend" in request.POST:
        return _extend(request, claim, form)
    try:
        is_saved = form.save_with(partial(update_details, claim))
    except (ClaimRefused, TimelineBusy) as error:
        return render_refusal(request, claim, error, form)
    if not is_saved:
        return render_details(request, claim, form, status=400)
    session.clear_details(request.session)
    return see_other("timeline:claim-review", claim.pk)


@require_safe
@claim_owner_required
def review(request: HttpRequest, claim: Moment) -> HttpResponse:
    """Show the whole claim with its price, before or while it is paid for."""
    if claim.status == Status.PAYING:
        return render_review(request, claim)
    if response := respond_if_not_held(request, claim):
        return response
    if not claim.title:
        return redirect("timeline:claim", claim.pk)
    return render_review(request, claim)


@require_POST
@claim_owner_required
def extend(request: HttpRequest, claim: Moment) -> HttpResponse:
    """Extend the hold from the review page. The details page posts to ``details`` instead."""
    return _extend(request, claim)


@require_POST
@claim_owner_required
def give_back(request: HttpRequest, claim: Moment) -> HttpResponse:
    """Give the held span back."""
    try:
        holds.give_back(claim)
    except (ClaimRefused, TimelineBusy) as error:
        return render_refusal(request, claim, error)
    session.clear_details(request.session)
    messages.success(request, "You gave it back. Nothing is charged.")
    return see_other("timeline:claim-choose")


def _extend(
    request: HttpRequest, claim: Moment, form: MomentDetailsForm | None = None
) -> HttpResponse:
    try:
        holds.extend(claim)
    except (ClaimRefused, TimelineBusy) as error:
        return render_refusal(request, claim, error, form)
    if form is None:
        return see_other("timeline:claim-review", claim.pk)
    session.save_details(request.session, form.raw_data, claim)
    return see_other("timeline:claim", claim.pk)
