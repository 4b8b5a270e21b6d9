"""Download of all personal data that the site holds on a user."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import FileResponse, HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from accounts.models import User
from accounts.privacy.export import build_archive, get_archive_name


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def export(request: HttpRequest) -> HttpResponseBase:
    """Describe the archive; on POST, send it. Users only ever get their own data."""
    user = request.user
    assert isinstance(user, User)
    if request.method != "POST":
        return render(request, "accounts/export.html")
    response = FileResponse(
        build_archive(user),
        as_attachment=True,
        filename=get_archive_name(user),
        content_type="application/zip",
    )
    response["Cache-Control"] = "private, no-store"
    return response
