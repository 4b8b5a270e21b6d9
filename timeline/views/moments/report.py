"""Reporting a moment to staff. Everybody who can see it can report it."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from momentverse.http.redirects import see_other
from timeline.models import Moment
from timeline.selectors import moments
from timeline.services import moderation
from timeline.views.moments.forms import ReportForm


@require_http_methods(["GET", "HEAD", "POST"])
def report_moment(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the form for a report, and store it. The throttle limits reports per network and per person."""
    moment = moments.get_visible_moment(request.user, pk)
    if moment is None:
        raise Http404(moments.NO_SUCH_MOMENT_MESSAGE)
    if request.method != "POST":
        return _render_form(request, moment, ReportForm())
    form = ReportForm(request.POST)
    if not _save(request, moment, form):
        return _render_form(request, moment, form, status=400)
    return see_other(f"{reverse('timeline:report', args=[pk])}?sent")


def _save(request: HttpRequest, moment: Moment, form: ReportForm) -> bool:
    if not form.is_valid():
        return False
    reporter = request.user if request.user.is_authenticated else None
    try:
        moderation.report(
            moment, form.cleaned_data["reason"], form.cleaned_data["comment"], reporter
        )
    except ValidationError as error:
        form.add_error("comment", error)
        return False
    return True


def _render_form(
    request: HttpRequest, moment: Moment, form: ReportForm, *, status: int = 200
) -> HttpResponse:
    # “sent” is in the address and not in a message, because a message would give visitors a session.
    context = {"moment": moment, "form": form, "sent": "sent" in request.GET}
    return render(request, "timeline/report.html", context, status=status)
