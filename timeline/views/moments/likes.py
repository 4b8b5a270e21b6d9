"""Liking a moment, with a form that works without scripts."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from momentverse.http.errors import wants_json
from momentverse.http.redirects import see_other
from timeline.core.exceptions import LikeRefused
from timeline.selectors import moments
from timeline.selectors.likes import count_likes, is_liked_by
from timeline.services import likes


@require_POST
def like_moment(request: HttpRequest, pk: int) -> HttpResponse:
    """Like a moment, or withdraw the like. The form says which, so sending it twice changes nothing.

    Anonymous visitors are redirected to the login, and from there to the
    moment's page. This happens for every id, even if there is no such moment.
    Scripts get JSON.
    """
    if not request.user.is_authenticated:
        return redirect_to_login(reverse("timeline:moment-short", args=[pk]))
    moment = moments.get_visible_moment(request.user, pk)
    if moment is None:
        raise Http404(moments.NO_SUCH_MOMENT_MESSAGE)
    choice = request.POST.get("like")
    if choice not in ("yes", "no"):
        raise BadRequest("“like” is “yes” or “no”.")
    change = likes.like if choice == "yes" else likes.unlike
    try:
        change(request.user, moment)
    except LikeRefused as error:
        messages.error(request, str(error))
    if wants_json(request):
        return _render_json(request, pk)
    return see_other(f"{moment.get_absolute_url()}#likes")


def _render_json(request: HttpRequest, pk: int) -> HttpResponse:
    moment = moments.get_visible_moment(request.user, pk)  # again, with the new count
    if moment is None:
        raise Http404(moments.NO_SUCH_MOMENT_MESSAGE)
    data = {"liked": is_liked_by(request.user, moment), "likes": count_likes(moment)}
    return JsonResponse({"ok": True, "data": data})
