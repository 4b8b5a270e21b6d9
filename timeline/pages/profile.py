"""The public page of a person: who they are, and their moments."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from accounts.models import User
from momentverse.page_cache import PROFILES, TIMELINE, public_page
from timeline import reading
from timeline.pages.cutting import CUTS, cut_of, shown


@require_safe
@public_page(PROFILES, TIMELINE, parameters=CUTS)
def profile(request: HttpRequest, handle: str) -> HttpResponse:
    """Show a person's moments that the viewer may see, newest first."""
    owner = User.objects.filter(handle=handle.lower(), is_active=True).first()
    if owner is None:
        raise Http404("There is nobody with this handle.")
    if handle != owner.handle:
        return redirect("timeline:profile", owner.handle, permanent=True)
    cut = cut_of(request)
    page = reading.newest_first(request.user, cut, owner=owner)
    return render(
        request,
        "timeline/profile.html",
        {
            "owner": owner,
            **shown(page, cut),
        },
    )
