"""Choosing a time: whether it is free, what else is, and holding it."""

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
    TimelineError,
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

FIELDS = ("date", "time", "zone", "hours", "minutes", "seconds", "fold")


@dataclass(frozen=True)
class Alternative:
    """One instant that may have been meant, as a link."""

    name: str
    words: str
    query: str


@dataclass(frozen=True)
class ClockChange:
    """What a clock did at the time that was asked for, and the ways on."""

    title: str
    words: str
    ways: list[Alternative]


@require_safe
def choose(request: HttpRequest) -> HttpResponse:
    """Ask for a time and a length; say whether that span is free, before anybody has to log in."""
    if not (request.GET.keys() & {"time", "hours", "minutes", "seconds"}):
        return _render(request, ChooseSpanForm(initial=_initial(request)))
    form = ChooseSpanForm(request.GET)
    if form.is_valid() and form.clock_change is None:
        return _render_offer(request, form.told, form)
    if form.clock_change is not None:
        change = _clock_change(form.clock_change, request)
        return _render(request, form, change=change, status=400)
    return _render(request, form, status=400)


@require_POST
def hold(request: HttpRequest) -> HttpResponse:
    """Hold the span of a button; who is not logged in keeps it in mind and logs in first."""
    span, time_zone = _posted_span(request)
    if not request.user.is_authenticated:
        session.save_span(request.session, span, time_zone)
        return redirect_to_login(reverse("timeline:claim-continue"))
    return _hold(request, span, time_zone)


@require_safe
@login_required
def resume(request: HttpRequest) -> HttpResponse:
    """After log-in: hold the span whose button was pressed before it.

    The button was a POST with its token; this only carries it out, once.
    """
    kept = session.get_span(request.session)
    if kept is None:
        return redirect("timeline:claim-choose")
    return _hold(request, *kept)


def _hold(request: HttpRequest, span: Span, time_zone: str) -> HttpResponse:
    assert request.user.is_authenticated
    try:
        moment = hold_or_expire(request.user, span, time_zone=time_zone)
    except (SpanTaken, ClaimRefused, TimelineBusy) as error:
        return _render_refusal(request, SpanDisplay.of(span, time_zone), error)
    session.clear_span(request.session)
    return see_other("timeline:claim", moment.pk)


def _render_refusal(request: HttpRequest, told: SpanDisplay, error: TimelineError) -> HttpResponse:
    # That it is taken, and by what it can be replaced, the offer itself says.
    problem = "" if isinstance(error, SpanTaken) else str(error)
    return _render_offer(request, told, problem=problem, status=status_code_for(error))


def _posted_span(request: HttpRequest) -> tuple[Span, str]:
    """Return the span and the zone of a button of ours. Raises BadRequest."""
    try:
        start = parse_instant(request.POST.get("start", ""))
        seconds = int(request.POST.get("seconds", ""))
        zone = find_zone(request.POST.get("zone", "UTC"))
        return Span(start, start + dt.timedelta(seconds=seconds)), zone.key
    except (InvalidInstant, InvalidSpan) as error:
        raise BadRequest(str(error)) from None
    except (ValueError, OverflowError):
        raise BadRequest(DURATION_MESSAGE) from None


def _initial(request: HttpRequest) -> dict[str, Any]:
    """Return what the empty form begins with: what the address names, else the person's zone."""
    own = getattr(request.user, "time_zone", "") or "UTC"
    begin = {"zone": own, "minutes": 1}
    return begin | {name: request.GET[name] for name in ("date", "zone") if request.GET.get(name)}


def _filled_in_form(told: SpanDisplay) -> ChooseSpanForm:
    """Return the form as it would have been filled in for a span."""
    hours, rest = divmod(told.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return ChooseSpanForm(
        initial={
            "date": f"{told.local:%Y-%m-%d}".zfill(10),
            "time": f"{told.local:%H:%M:%S}",
            "zone": told.time_zone,
            "hours": hours or None,
            "minutes": minutes or None,
            "seconds": seconds or None,
        }
    )


def _render_offer(
    request: HttpRequest,
    told: SpanDisplay,
    form: ChooseSpanForm | None = None,
    *,
    problem: str = "",
    status: int | None = None,
) -> HttpResponse:
    own = list_viewer_claims(request.user)
    offer = get_offer(told, own)
    return _render(
        request,
        form or _filled_in_form(told),
        offer=offer,
        open_claims=own,
        problem=problem,
        status=status or offer.status,
    )


def _render(
    request: HttpRequest,
    form: ChooseSpanForm,
    *,
    open_claims: list[Moment] | None = None,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    own = list_viewer_claims(request.user) if open_claims is None else open_claims
    context = {"form": form, "open_claims": own} | more
    return render(request, "claim/choose.html", context, status=status)


def _clock_change(change: SkippedTime | RepeatedTime, request: HttpRequest) -> ClockChange:
    asked = {name: request.GET[name] for name in FIELDS if request.GET.get(name)}
    place = get_city(change.zone.key)
    if isinstance(change, RepeatedTime):
        return _repeated(change, place, asked)
    return _skipped(change, place, asked)


def _skipped(change: SkippedTime, place: str, asked: dict[str, str]) -> ClockChange:
    def way(name: str, instant: dt.datetime) -> Alternative:
        local = instant.astimezone(change.zone)
        query = asked | {"date": f"{local:%Y-%m-%d}".zfill(10), "time": f"{local:%H:%M:%S}"}
        return Alternative(f"{name}: {local:%H:%M:%S}", _in_utc(instant), urlencode(query))

    return ClockChange(
        "There is no such time",
        f"Clocks in {place} jump over {format_datetime(change.local)}. The nearest times are:",
        [way("Just before", change.before), way("Just after", change.after)],
    )


def _repeated(change: RepeatedTime, place: str, asked: dict[str, str]) -> ClockChange:
    def way(name: str, instant: dt.datetime, fold: str) -> Alternative:
        return Alternative(name, _in_utc(instant), urlencode(asked | {"fold": fold}))

    return ClockChange(
        "That time comes twice",
        f"Clocks in {place} show {format_datetime(change.local)} twice. Which one do you mean?",
        [way("The first", change.first, "0"), way("The second", change.second, "1")],
    )


def _in_utc(instant: dt.datetime) -> str:
    return f"{format_datetime(instant.astimezone(UTC))} in UTC"
