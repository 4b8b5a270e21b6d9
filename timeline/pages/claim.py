"""One's own claim: what it says, the price, more time, giving it back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from momentverse.redirects import see_other
from timeline import claims
from timeline.errors import ClaimRefused, TimelineBusy, TimelineError
from timeline.models import Moment, OrderStatus, Status, Visibility
from timeline.pages import claim_drafts
from timeline.pages.claim_offers import offer_of, open_claims_of, status_of
from timeline.pages.claim_words import SEEN_BY, WordsForm
from timeline.told_spans import ToldSpan
from timeline.words import time_left_in_words

NO_SUCH_CLAIM = "There is no such claim, or it is not yours."

View = Callable[..., HttpResponse]


def signed_in(view: View) -> View:
    """Send people who are not logged in to do so, and from there to the claim's own page.

    To that page whatever was asked for: a form that was sent cannot be sent again by a link.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, pk: int, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(reverse("timeline:claim", args=[pk]))
        return view(request, own_claim(request, pk), **kwargs)

    return wrapped


def own_claim(request: HttpRequest, pk: int) -> Moment:
    """Return the viewer's claim with this id. Raises Http404; somebody else's is none."""
    assert request.user.is_authenticated
    claim = claims.claim_of(request.user, pk)
    if claim is None:
        raise Http404(NO_SUCH_CLAIM)
    return claim


@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def details(request: HttpRequest, claim: Moment) -> HttpResponse:
    """Ask what the moment is; keep it and go on to the review."""
    if request.method != "POST":
        return _elsewhere(request, claim) or _show_details(request, claim, _form_of(request, claim))
    form = WordsForm(request.POST)
    if "extend" in request.POST:
        return _extend(request, claim, form)
    try:
        stored = form.stored(partial(claims.describe, claim))
    except (ClaimRefused, TimelineBusy) as error:
        return refused(request, claim, error, form)
    if not stored:
        return _show_details(request, claim, form, status=400)
    claim_drafts.forget_words(request.session)
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
        claims.give_back(claim)
    except (ClaimRefused, TimelineBusy) as error:
        return refused(request, claim, error)
    claim_drafts.forget_words(request.session)
    messages.success(request, "You gave it back. Nothing is charged.")
    return see_other("timeline:claim-choose")


def _extend(request: HttpRequest, claim: Moment, form: WordsForm | None = None) -> HttpResponse:
    try:
        claims.extend(claim)
    except (ClaimRefused, TimelineBusy) as error:
        return refused(request, claim, error, form)
    if form is None:
        return see_other("timeline:claim-review", claim.pk)
    claim_drafts.keep_words(request.session, form.typed, claim)
    return see_other("timeline:claim", claim.pk)


def refused(
    request: HttpRequest, claim: Moment, error: TimelineError, form: WordsForm | None = None
) -> HttpResponse:
    """Say what a rule has refused, on the page where the claim now stands; what was typed is kept."""
    fresh = own_claim(request, claim.pk)
    if _is_held(fresh):
        form = form or _form_of(request, fresh)
        return _show_details(request, fresh, form, problem=str(error), status=status_of(error))
    if form is not None:
        claim_drafts.keep_words(request.session, form.typed)
    elsewhere = _elsewhere(request, fresh)
    assert elsewhere is not None
    return elsewhere


def _elsewhere(request: HttpRequest, claim: Moment) -> HttpResponse | None:
    """Return the answer for a claim that is not held, None for one that is."""
    if claim.status == Status.ACTIVE:
        return see_other(claim)
    if claim.status == Status.PAYING:
        return see_other("timeline:claim-review", claim.pk)
    return None if _is_held(claim) else _show_over(request, claim)


def _is_held(claim: Moment) -> bool:
    ends = claim.held_until
    return claim.status == Status.HELD and ends is not None and ends > timezone.now()


def _form_of(request: HttpRequest, claim: Moment) -> WordsForm:
    """Return the form with what the claim says, or with words that were typed and not stored."""
    kept = claim_drafts.kept_words(request.session, claim)
    return WordsForm(initial=WordsForm.texts_of(claim) | kept)


def _show_details(
    request: HttpRequest, claim: Moment, form: WordsForm, *, problem: str = "", status: int = 200
) -> HttpResponse:
    context = _hold_context(claim) | {
        "form": form,
        "visibilities": form.visibilities(claim.order),
        "problem": problem,
    }
    return render(request, "timeline/claim/details.html", context, status=status)


def show_review(
    request: HttpRequest, claim: Moment, *, problem: str = "", status: int = 200
) -> HttpResponse:
    """Show what is about to be paid for, or is being paid for."""
    context = _hold_context(claim) | {
        "order": claim.order,
        "tags": claim.tags.all(),
        "seen_by": SEEN_BY[Visibility(claim.visibility)],
        "paying": claim.status == Status.PAYING,
        "problem": problem,
    }
    return render(request, "timeline/claim/review.html", context, status=status)


def _hold_context(claim: Moment) -> dict[str, Any]:
    left = (claim.held_until or timezone.now()) - timezone.now()
    return {
        "moment": claim,
        "told": ToldSpan.of_moment(claim),
        "seconds_left": max(0, int(left.total_seconds())),
        "time_left": time_left_in_words(int(left.total_seconds())),
        "extensions_left": settings.HOLD_EXTENSIONS - claim.order.extensions,
    }


def _show_over(request: HttpRequest, claim: Moment) -> HttpResponse:
    own = open_claims_of(request.user)
    offer = offer_of(ToldSpan.of_moment(claim), own)
    title, words = _why_over(claim)
    context = {
        "title": title,
        "words": words,
        "words_kept": claim_drafts.kept_words(request.session, Moment()),
        "offer": offer,
        "open_claims": own,
    }
    status = 200 if request.method in ("GET", "HEAD") else 409
    return render(request, "timeline/claim/over.html", context, status=status)


def _why_over(claim: Moment) -> tuple[str, str]:
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
