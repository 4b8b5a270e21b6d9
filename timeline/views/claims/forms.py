"""The form to choose a span: a date, a time, a time zone and a duration."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator

from timeline.core.exceptions import InvalidInstant, InvalidSpan
from timeline.core.local_time import RepeatedTime, SkippedTime, resolve_local_time
from timeline.core.span_display import SpanDisplay
from timeline.core.spans import WINDOW_MESSAGE, Span, parse_instant
from timeline.core.timezones import find_zone
from timeline.views.forms import BaseForm

_TIME = re.compile(r"(\d\d):(\d\d)(?::(\d\d)([.,]\d+)?)?", re.ASCII)
WHOLE_SECONDS_MESSAGE = "The timeline counts in whole seconds."
DURATION_MESSAGE = "A moment is one second to 24 hours long."


class DurationPartField(forms.IntegerField):
    """Hours, minutes or seconds of a duration. An empty field is zero."""

    default_error_messages = {
        "invalid": WHOLE_SECONDS_MESSAGE,
        "min_value": DURATION_MESSAGE,
        "max_value": DURATION_MESSAGE,
    }

    def __init__(self, max_value: int) -> None:
        attrs = {"inputmode": "numeric"}
        super().__init__(
            required=False, min_value=0, max_value=max_value, widget=forms.NumberInput(attrs=attrs)
        )

    def clean(self, value: Any) -> int:
        return super().clean(value) or 0


class ChooseSpanForm(BaseForm):
    """Parse a span given in local time.

    A valid form has either ``display``, or ``clock_change`` if the clock skips
    that local time or shows it twice.
    """

    # The lengths are limited by validators. `max_length` would add an attribute that inputs of type
    # date and time must not have.
    date = forms.CharField(
        validators=[MaxLengthValidator(10)],
        error_messages={"required": "Choose a day."},
        widget=forms.DateInput(attrs={"type": "date", "min": "0001-01-01", "max": "9999-12-31"}),
    )
    time = forms.CharField(
        validators=[MaxLengthValidator(30)],
        error_messages={"required": "Say when it begins."},
        widget=forms.TimeInput(attrs={"type": "time", "step": "1"}),
    )
    zone = forms.CharField(
        max_length=64,
        label="By the clock of",
        help_text="A city or a region, such as Berlin or America/New_York; or UTC.",
        error_messages={"required": "Say whose clock you mean, or UTC."},
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off"}),
    )
    hours = DurationPartField(24)
    minutes = DurationPartField(24 * 60)
    seconds = DurationPartField(24 * 60 * 60)
    fold = forms.ChoiceField(choices=[("0", "first"), ("1", "second")], required=False)

    display: SpanDisplay
    clock_change: SkippedTime | RepeatedTime | None = None

    def clean_date(self) -> dt.date:
        """Parse the day. Raises ValidationError if the calendar has no such day."""
        try:
            return dt.datetime.strptime(self.cleaned_data["date"], "%Y-%m-%d").date()  # noqa: DTZ007
        except ValueError:
            raise ValidationError(f"There is no such day. {WINDOW_MESSAGE}") from None

    def clean_time(self) -> dt.time:
        """Parse the time of day, in whole seconds."""
        text = self.cleaned_data["time"]
        if not _TIME.fullmatch(text):
            raise ValidationError("Give a time such as 20:17:40.")
        if text.startswith("24"):
            raise ValidationError("A day ends at 23:59:59; midnight is 00:00 of the next day.")
        try:
            return parse_instant(f"2000-01-01T{text}").time()
        except InvalidInstant as error:
            raise ValidationError(str(error).replace(f" {WINDOW_MESSAGE}", "")) from None

    def clean_zone(self) -> zoneinfo.ZoneInfo:
        """Find the zone by its name, its city or its country."""
        try:
            return find_zone(self.cleaned_data["zone"])
        except InvalidInstant as error:
            raise ValidationError(str(error)) from None

    def clean(self) -> None:
        """Combine the fields into a span."""
        duration = self._get_duration()
        if duration is not None and not dt.timedelta(0) < duration <= dt.timedelta(hours=24):
            self.add_error("hours", DURATION_MESSAGE)
        if not self.errors:
            self._resolve_span(duration)

    def _get_duration(self) -> dt.timedelta | None:
        """Return the duration, or None if one of its fields has an error."""
        parts = ("hours", "minutes", "seconds")
        if any(part in self.errors for part in parts):
            return None
        return dt.timedelta(**{part: self.cleaned_data[part] for part in parts})

    def _resolve_span(self, duration: dt.timedelta | None) -> None:
        """Set ``display``, or ``clock_change`` if the local time is not exactly one instant."""
        assert duration is not None
        zone: zoneinfo.ZoneInfo = self.cleaned_data["zone"]
        local = dt.datetime.combine(self.cleaned_data["date"], self.cleaned_data["time"])
        fold = self.cleaned_data["fold"]
        try:
            start = resolve_local_time(local, zone, fold=int(fold) if fold else None)
            self.display = SpanDisplay.of(Span(start, start + duration), zone.key)
        except (SkippedTime, RepeatedTime) as change:
            self.clock_change = change
        except (InvalidInstant, InvalidSpan) as error:
            self.add_error("date", str(error))
        except OverflowError:
            self.add_error("date", f"There is no such time. {WINDOW_MESSAGE}")
