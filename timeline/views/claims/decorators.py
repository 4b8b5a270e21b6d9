"""Restrict views to the owner of a claim."""

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
    """Pass the viewer's own claim to the view in place of ``pk``. Raises Http404 for other claims.

    People who are not logged in are sent to log in. From there they come to the
    claim's first page, even if they had sent a form: a redirect cannot send the
    form again.
    """

    @wraps(view)
    def wrapper(request: HttpRequest, pk: int, **kwargs: Any) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(reverse("timeline:claim", args=[pk]))
        return view(request, get_own_claim(request, pk), **kwargs)

    return wrapper


def get_own_claim(request: HttpRequest, pk: int) -> Moment:
    """Return the viewer's claim as it is stored now. Raises Http404 if they have none with this id."""
    assert request.user.is_authenticated
    claim = claims.get_claim(request.user, pk)
    if claim is None:
        raise Http404(NO_SUCH_CLAIM_MESSAGE)
    return claim
