"""The search form."""

from __future__ import annotations

import datetime as dt

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator

from timeline.core.exceptions import InvalidInstant
from timeline.core.search_query import MAX_LENGTH
from timeline.core.spans import WINDOW_END, WINDOW_START, parse_instant_in_window
from timeline.views.forms import BaseForm

# Not `max_length`, which would add an attribute that a date input does not allow.
_DATE_VALIDATORS = [MaxLengthValidator(10)]
_DATE_INPUT = forms.DateInput(attrs={"type": "date", "min": "0001-01-02", "max": "9999-12-30"})


class SearchForm(BaseForm):
    """Words, and the first and the last day on which a moment may start."""

    q = forms.CharField(
        label="Words",
        max_length=MAX_LENGTH,
        error_messages={"required": "Write a word to search for."},
        help_text="Words of a title, a story, a place or a tag. “In quotation marks” they stand"
        " together; -word leaves out; OR takes either; @ada looks among Ada’s.",
        widget=forms.TextInput(attrs={"type": "search", "autocapitalize": "none"}),
    )
    since = forms.CharField(
        label="From", required=False, validators=_DATE_VALIDATORS, widget=_DATE_INPUT
    )
    until = forms.CharField(
        label="To", required=False, validators=_DATE_VALIDATORS, widget=_DATE_INPUT
    )

    def clean_since(self) -> dt.datetime:
        """Return the first instant of the search."""
        text = self.cleaned_data["since"]
        return _parse_day(text) if text else WINDOW_START

    def clean_until(self) -> dt.datetime:
        """Return the end of the last day."""
        text = self.cleaned_data["until"]
        return min(_parse_day(text) + dt.timedelta(days=1), WINDOW_END) if text else WINDOW_END


def _parse_day(text: str) -> dt.datetime:
    try:
        return parse_instant_in_window(text)
    except InvalidInstant as error:
        raise ValidationError(str(error)) from None
