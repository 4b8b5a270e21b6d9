"""The redirect after a successful POST."""

from __future__ import annotations

from collections.abc import Callable

from django.db.models import Model
from django.http import HttpResponseBase, HttpResponseRedirect
from django.shortcuts import resolve_url


class SeeOther(HttpResponseRedirect):
    """303: the form was processed. The browser gets the next page, and never sends the form again."""

    status_code = 303


def see_other(
    to: str | Model | Callable[..., HttpResponseBase], *args: object, **kwargs: object
) -> SeeOther:
    """Redirect after a POST. The arguments are those of ``django.shortcuts.redirect``."""
    return SeeOther(resolve_url(to, *args, **kwargs))
