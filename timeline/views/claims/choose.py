"""Choose a time and hold it: step one of a claim.

``choose`` shows whether a span is free, and what is free nearby if it is not.
Its button posts to ``hold``; after a log-in in between, ``resume`` goes on.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from momentverse.http.redirects import see_other
from timeline.core.exceptions import (
    ClaimRefused,
    InvalidInstant,
    InvalidSpan,
    SpanTaken,
    TimelineBusy,
)
from timeline.core.formatting import format_datetime
from timeline.core.local_time import RepeatedTime, SkippedTime
from timeline.core.span_display import SpanDisplay
from timeline.core.spans import UTC, Span, parse_instant
from timeline.core.timezones import find_zone, get_city
from timeline.models import Moment
from timeline.services.payments.holds import hold_or_expire
from timeline.views.claims import session
from timeline.views.claims.forms import DURATION_MESSAGE, ChooseSpanForm
from timeline.views.claims.offers import get_offer, list_viewer_claims
from timeline.views.shortcuts import status_code_for

# The parameters of the form, in its own order.
FIELDS = ("date", "time", "zone", "hours", "minutes", "seconds", "fold")


@dataclass(frozen=True)
class Alternative:
    """A link to one instant that the visitor may have meant."""

    name: str
    time_in_utc: str
    query: str


@dataclass(frozen=True)
class ClockChange:
    """Why a local time is not one instant, and the instants that may have been meant."""

    title: str
    message: str
    alternatives: list[Alternative]


@require_safe
def choose(request: HttpRequest) -> HttpResponse:
    """Show the form for a time and a duration, and whether that span is free. No log-in is needed."""
    if not (request.GET.keys() & {"time", "hours", "minutes", "seconds"}):
        return _render(request, ChooseSpanForm(initial=_get_initial(request)))
    form = ChooseSpanForm(request.GET)
    if form.is_valid() and form.clock_change is None:
        return _render_offer(request, form.display, form)
    if form.clock_change is not None:
        change = _describe_clock_change(form.clock_change, request)
        return _render(request, form, change=change, status=400)
    return _render(request, form, status=400)


@require_POST
def hold(request: HttpRequest) -> HttpResponse:
    """Hold the span of the button. Visitors log in first; their session remembers the span."""
    span, time_zone = _parse_span(request)
    if not request.user.is_authenticated:
        session.save_span(request.session, span, time_zone)
        return redirect_to_login(reverse("timeline:claim-continue"))
    return _hold(request, span, time_zone)


@require_safe
@login_required
def resume(request: HttpRequest) -> HttpResponse:
    """Hold the span whose button was pressed before log-in.

    That button was a POST with a CSRF token. This GET only completes it, and
    only once, because the session forgets the span.
    """
    saved = session.get_span(request.session)
    if saved is None:
        return redirect("timeline:claim-choose")
    return _hold(request, *saved)


def _hold(request: HttpRequest, span: Span, time_zone: str) -> HttpResponse:
    assert request.user.is_authenticated
    try:
        moment = hold_or_expire(request.user, span, time_zone=time_zone)
    except (SpanTaken, ClaimRefused, TimelineBusy) as error:
        # The offer itself says that a span is taken, so that error needs no message.
        problem = "" if isinstance(error, SpanTaken) else str(error)
        display = SpanDisplay.of(span, time_zone)
        return _render_offer(request, display, problem=problem, status=status_code_for(error))
    session.clear_span(request.session)
    return see_other("timeline:claim", moment.pk)


def _parse_span(request: HttpRequest) -> tuple[Span, str]:
    """Return the span and the zone that a hold button sends. Raises BadRequest for anything else."""
    try:
        start = parse_instant(request.POST.get("start", ""))
        seconds = int(request.POST.get("seconds", ""))
        zone = find_zone(request.POST.get("zone", "UTC"))
        return Span(start, start + dt.timedelta(seconds=seconds)), zone.key
    except (InvalidInstant, InvalidSpan) as error:
        raise BadRequest(str(error)) from None
    except (ValueError, OverflowError):
        raise BadRequest(DURATION_MESSAGE) from None


def _get_initial(request: HttpRequest) -> dict[str, Any]:
    """Return the initial values of the empty form: from the query, else the person's own zone."""
    own_zone = getattr(request.user, "time_zone", "") or "UTC"
    given = {name: request.GET[name] for name in ("date", "zone") if request.GET.get(name)}
    return {"zone": own_zone, "minutes": 1} | given


def _render_offer(
    request: HttpRequest,
    display: SpanDisplay,
    form: ChooseSpanForm | None = None,
    *,
    problem: str = "",
    status: int | None = None,
) -> HttpResponse:
    open_claims = list_viewer_claims(request.user)
    offer = get_offer(display, open_claims)
    return _render(
        request,
        form or _filled_in_form(display),
        offer=offer,
        open_claims=open_claims,
        problem=problem,
        status=status or offer.status,
    )


def _filled_in_form(display: SpanDisplay) -> ChooseSpanForm:
    """Return the form as somebody would have filled it in for this span."""
    hours, rest = divmod(display.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return ChooseSpanForm(
        initial={
            "date": f"{display.local:%Y-%m-%d}".zfill(10),
            "time": f"{display.local:%H:%M:%S}",
            "zone": display.time_zone,
            "hours": hours or None,
            "minutes": minutes or None,
            "seconds": seconds or None,
        }
    )


def _render(
    request: HttpRequest,
    form: ChooseSpanForm,
    *,
    open_claims: list[Moment] | None = None,
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    if open_claims is None:
        open_claims = list_viewer_claims(request.user)
    context |= {"form": form, "open_claims": open_claims}
    return render(request, "timeline/claim/choose.html", context, status=status)


def _describe_clock_change(change: SkippedTime | RepeatedTime, request: HttpRequest) -> ClockChange:
    query = {name: request.GET[name] for name in FIELDS if request.GET.get(name)}
    if isinstance(change, RepeatedTime):
        return _describe_repeated_time(change, query)
    return _describe_skipped_time(change, query)


def _describe_skipped_time(change: SkippedTime, query: dict[str, str]) -> ClockChange:
    def link(name: str, instant: dt.datetime) -> Alternative:
        local = instant.astimezone(change.zone)
        fields = {"date": f"{local:%Y-%m-%d}".zfill(10), "time": f"{local:%H:%M:%S}"}
        return Alternative(
            f"{name}: {local:%H:%M:%S}", _format_in_utc(instant), urlencode(query | fields)
        )

    return ClockChange(
        "There is no such time",
        f"Clocks in {get_city(change.zone.key)} jump over {format_datetime(change.local)}."
        " The nearest times are:",
        [link("Just before", change.before), link("Just after", change.after)],
    )


def _describe_repeated_time(change: RepeatedTime, query: dict[str, str]) -> ClockChange:
    def link(name: str, instant: dt.datetime, fold: str) -> Alternative:
        return Alternative(name, _format_in_utc(instant), urlencode(query | {"fold": fold}))

    return ClockChange(
        "That time comes twice",
        f"Clocks in {get_city(change.zone.key)} show {format_datetime(change.local)} twice."
        " Which one do you mean?",
        [link("The first", change.first, "0"), link("The second", change.second, "1")],
    )


def _format_in_utc(instant: dt.datetime) -> str:
    return f"{format_datetime(instant.astimezone(UTC))} in UTC"
