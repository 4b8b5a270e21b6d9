"""One's own claim: what it says, the price, more time, giving it back."""

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
from timeline.services.claims.details import describe
from timeline.views.claims import session
from timeline.views.claims.decorators import signed_in
from timeline.views.claims.responses import (
    _elsewhere,
    _form_of,
    _show_details,
    refused,
    show_review,
)
from timeline.views.moments.forms import MomentDetailsForm


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def details(request: HttpRequest, claim: Moment) -> HttpResponse:
    """Ask what the moment is; keep it and go on to the review."""
    if request.method != "POST":
        return _elsewhere(request, claim) or _show_details(request, claim, _form_of(request, claim))
    form = MomentDetailsForm(request.POST)
    if "extend" in request.POST:
        return _extend(request, claim, form)
    try:
        stored = form.save_with(partial(describe, claim))
    except (ClaimRefused, TimelineBusy) as error:
        return refused(request, claim, error, form)
    if not stored:
        return _show_details(request, claim, form, status=400)
    session.forget_words(request.session)
    return see_other("timeline:claim-review", claim.pk)


@require_safe
@signed_in
def review(request: HttpRequest, claim: Moment) -> HttpResponse:
    """Read everything back, with the price, before it is paid for."""
    if claim.status == Status.PAYING:
        return show_review(request, claim)
    if elsewhere := _elsewhere(request, claim):
        return elsewhere
    if not claim.title:
        return redirect("timeline:claim", claim.pk)
    return show_review(request, claim)


@require_POST
@signed_in
def extend(request: HttpRequest, claim: Moment) -> HttpResponse:
    """Hold it longer, and lead back to the review: the details page extends by itself."""
    return _extend(request, claim)


@require_POST
@signed_in
def give_back(request: HttpRequest, claim: Moment) -> HttpResponse:
    """Free the span."""
    try:
        holds.give_back(claim)
    except (ClaimRefused, TimelineBusy) as error:
        return refused(request, claim, error)
    session.forget_words(request.session)
    messages.success(request, "You gave it back. Nothing is charged.")
    return see_other("timeline:claim-choose")


def _extend(
    request: HttpRequest, claim: Moment, form: MomentDetailsForm | None = None
) -> HttpResponse:
    try:
        holds.extend(claim)
    except (ClaimRefused, TimelineBusy) as error:
        return refused(request, claim, error, form)
    if form is None:
        return see_other("timeline:claim-review", claim.pk)
    session.keep_words(request.session, form.raw_data, claim)
    return see_other("timeline:claim", claim.pk)
