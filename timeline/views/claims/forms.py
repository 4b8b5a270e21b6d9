"""The form that a span is chosen with: a date, a time, a place whose clock is meant, a length."""

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
    """One part of a length; empty is nothing."""

    default_error_messages = {
        "invalid": WHOLE_SECONDS_MESSAGE,
        "min_value": DURATION_MESSAGE,
        "max_value": DURATION_MESSAGE,
    }

    def __init__(self, most: int) -> None:
        attrs = {"inputmode": "numeric"}
        super().__init__(
            required=False, min_value=0, max_value=most, widget=forms.NumberInput(attrs=attrs)
        )

    def clean(self, value: Any) -> int:
        """Return a number."""
        return super().clean(value) or 0


class ChooseSpanForm(BaseForm):
    """Reads a span in words of a zone; what a clock skips or shows twice is in ``clock_change``."""

    # Bounded by validators: as `max_length` it would be an attribute, which these inputs do not take.
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

    told: SpanDisplay
    clock_change: SkippedTime | RepeatedTime | None = None

    def clean_date(self) -> dt.date:
        """Return a day of the calendar."""
        try:
            return dt.datetime.strptime(self.cleaned_data["date"], "%Y-%m-%d").date()  # noqa: DTZ007
        except ValueError:
            raise ValidationError(f"There is no such day. {WINDOW_MESSAGE}") from None

    def clean_time(self) -> dt.time:
        """Return a time of day in whole seconds."""
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
        """Return the zone that is meant."""
        try:
            return find_zone(self.cleaned_data["zone"])
        except InvalidInstant as error:
            raise ValidationError(str(error)) from None

    def clean(self) -> None:
        """Put the parts together."""
        length = self._length()
        if length is not None and not dt.timedelta(0) < length <= dt.timedelta(hours=24):
            self.add_error("hours", DURATION_MESSAGE)
        if not self.errors:
            self._tell(length)

    def _length(self) -> dt.timedelta | None:
        """Return the length that was asked for, None when a part of it is wrong already."""
        parts = ("hours", "minutes", "seconds")
        if any(part in self.errors for part in parts):
            return None
        return dt.timedelta(**{part: self.cleaned_data[part] for part in parts})

    def _tell(self, length: dt.timedelta | None) -> None:
        """Find the instant that is meant, or what the clock did there."""
        assert length is not None
        zone: zoneinfo.ZoneInfo = self.cleaned_data["zone"]
        local = dt.datetime.combine(self.cleaned_data["date"], self.cleaned_data["time"])
        fold = self.cleaned_data["fold"]
        try:
            start = resolve_local_time(local, zone, fold=int(fold) if fold else None)
            self.told = SpanDisplay.of(Span(start, start + length), zone.key)
        except (SkippedTime, RepeatedTime) as change:
            self.clock_change = change
        except (InvalidInstant, InvalidSpan) as error:
            self.add_error("date", str(error))
        except OverflowError:
            self.add_error("date", f"There is no such time. {WINDOW_MESSAGE}")
