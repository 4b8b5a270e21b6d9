"""Editing one's own moment. Its time cannot be changed."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from momentverse.http.redirects import see_other
from timeline.core.exceptions import ClaimRefused, TimelineBusy
from timeline.core.span_display import SpanDisplay
from timeline.models import Moment, Visibility
from timeline.selectors import moments
from timeline.services.claims import details
from timeline.views.moments.forms import VISIBILITY_TEXTS, MomentDetailsForm
from timeline.views.shortcuts import status_code_for

MAX_REVISIONS = 50


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def edit_moment(request: HttpRequest, pk: int) -> HttpResponse:
    """Let an owner change title, story, place, tags and visibility, and show the earlier versions."""
    moment = moments.get_visible_moment(request.user, pk)
    if moment is None or moment.user_id != request.user.pk:
        raise Http404(moments.NO_SUCH_MOMENT_MESSAGE)
    if request.method != "POST":
        return _render_form(
            request, moment, MomentDetailsForm(initial=MomentDetailsForm.initial_from(moment))
        )
    form = MomentDetailsForm(request.POST)
    try:
        if not form.save_with(partial(details.edit_moment, moment)):
            return _render_form(request, moment, form, status=400)
    except (ClaimRefused, TimelineBusy) as error:
        return _render_form(
            request, moment, form, problem=str(error), status=status_code_for(error)
        )
    messages.success(request, "It is changed. What it said before is kept for you.")
    moment.refresh_from_db(fields=["title"])  # a part of its address
    return see_other(moment)


def _render_form(
    request: HttpRequest,
    moment: Moment,
    form: MomentDetailsForm,
    *,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    context = {
        "moment": moment,
        "display": SpanDisplay.of_moment(moment),
        "form": form,
        "visibility_choices": form.visibility_choices(),
        "revisions": [
            {"details": revision, "seen_by": VISIBILITY_TEXTS[Visibility(revision.visibility)][0]}
            for revision in moment.revisions.all()[:MAX_REVISIONS]
        ],
        "problem": problem,
    }
    return render(request, "timeline/claim/edit.html", context, status=status)
