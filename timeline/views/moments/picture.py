"""The page where an owner sets, describes or removes the picture of a moment."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from momentverse.http.redirects import see_other
from timeline.core.exceptions import PictureRefused, TimelineBusy
from timeline.models import Moment, Picture
from timeline.selectors import moments
from timeline.services.pictures import uploads
from timeline.views.moments.forms import PictureForm
from timeline.views.shortcuts import status_code_for

STORAGE_DOWN_MESSAGE = (
    "The picture cannot be kept right now. Nothing is changed; try again in a moment."
)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def edit_picture(request: HttpRequest, pk: int) -> HttpResponse:
    """Let an owner set, replace, describe or remove the picture of a moment."""
    moment = moments.get_visible_moment(request.user, pk)
    if moment is None or moment.user_id != request.user.pk:
        raise Http404(moments.NO_SUCH_MOMENT_MESSAGE)
    picture: Picture | None = getattr(moment, "picture", None)
    data = [request.POST, request.FILES] if request.method == "POST" else []
    form = PictureForm(
        *data,
        initial={"alt": picture.alt if picture else ""},
        has_picture=picture is not None,
    )
    if request.method != "POST":
        return _render_form(request, moment, form)
    try:
        return _save(request, moment, form)
    except (PictureRefused, TimelineBusy) as error:
        return _render_form(
            request, moment, form, problem=str(error), status=status_code_for(error)
        )
    except OSError:
        return _render_form(request, moment, form, problem=STORAGE_DOWN_MESSAGE, status=503)


def _save(request: HttpRequest, moment: Moment, form: PictureForm) -> HttpResponse:
    if "remove" in request.POST:
        uploads.remove_picture(moment)
        messages.success(request, "The picture is gone, and so are all its copies here.")
        return see_other("timeline:moment-picture", moment.pk)
    if not form.is_valid():
        return _render_form(request, moment, form, status=400)
    file, alt = form.cleaned_data["file"], form.cleaned_data["alt"]
    if file:
        uploads.set_picture(moment, file, alt)
    else:
        uploads.set_description(moment, alt)
        messages.success(request, "The description is changed.")
    return see_other("timeline:moment-picture", moment.pk)


def _render_form(
    request: HttpRequest, moment: Moment, form: PictureForm, *, problem: str = "", status: int = 200
) -> HttpResponse:
    context = {"moment": moment, "form": form, "problem": problem}
    response = render(request, "timeline/picture.html", context, status=status)
    if status == 503:
        response["Retry-After"] = "5"
    return response
