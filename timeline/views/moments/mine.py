"""The list of one's own moments."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from timeline.selectors import profiles
from timeline.views.pagination import pagination_context, parse_cursor


@require_safe
@login_required
def my_moments(request: HttpRequest) -> HttpResponse:
    """List the viewer's moments of any visibility, with what only they see: edits, and decisions of staff."""
    assert request.user.is_authenticated
    cursor = parse_cursor(request)
    page, own = profiles.list_own_moments(request.user, cursor)
    revoked = profiles.list_revoked_moments(request.user) if cursor.is_first_page else []
    context = {"own": own, "revoked": revoked, **pagination_context(page, cursor)}
    return render(request, "timeline/mine.html", context)
