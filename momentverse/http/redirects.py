"""Where a form leads when it has been taken."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseRedirect
from django.shortcuts import resolve_url


class SeeOther(HttpResponseRedirect):
    """303: what was asked for is done; get that page next, and send nothing again."""

    status_code = 303


def see_other(to: Any, *args: Any, **kwargs: Any) -> SeeOther:
    """Lead to a page after a POST; ``to`` is what ``django.shortcuts.redirect`` takes."""
    return SeeOther(resolve_url(to, *args, **kwargs))
