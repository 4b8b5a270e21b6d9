"""Decorators that require a logged-in user and their own claim."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from timeline.models import Moment
from timeline.selectors import claims

NO_SUCH_CLAIM_MESSAGE = "There is no such claim, or it is not yours."


View = Callable[..., HttpResponse]


def claim_owner_required(view: View) -> View:
    """Send people who are not logged in to do so, and from there to the claim's own page.

    To that page whatever was asked for: a form that was sent cannot be sent again by a link.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, pk: int, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(reverse("timeline:claim", args=[pk]))
        return view(request, get_own_claim(request, pk), **kwargs)

    return wrapped


def get_own_claim(request: HttpRequest, pk: int) -> Moment:
    """Return the viewer's claim with this id. Raises Http404; somebody else's is none."""
    assert request.user.is_authenticated
    claim = claims.get_claim(request.user, pk)
    if claim is None:
        raise Http404(NO_SUCH_CLAIM_MESSAGE)
    return claim
