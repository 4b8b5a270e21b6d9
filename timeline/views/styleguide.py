"""The style guide: every element of the site's design on one page. Only in development.

It includes the same partials as the real pages.
"""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from timeline.core.periods import Level, Period
from timeline.core.spans import UTC
from timeline.models import Moment
from timeline.selectors.pagination import Page
from timeline.selectors.rollups import Tally
from timeline.views.charts.heatmap import build_cells
from timeline.views.forms import BaseForm

COLOURS = (
    "zenith sky glow surface line ink muted link star spark action on-action shade error".split()
)
SIZES = (
    ("size-5", "The sky at night"),
    ("size-4", "The sky at night"),
    ("size-3", "The sky at night"),
    ("size-2", "The sky at night, to the second"),
    ("size-1", "The sky at night, to the second"),
    ("size-0", "The sky at night, to the second"),
)
# Short, long, right to left, without a space, and with an emoji and combining characters.
TITLES = (
    "First light",
    "A title that goes on for longer than anybody would like to read it on a telephone held upright",
    "كسوف الشمس الكلي فوق القاهرة",
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
    "日食 🌒 e͟c͟l͟i͟p͟s͟e",
)


class ExampleForm(BaseForm):
    """A form with a field of each kind."""

    name = forms.CharField(max_length=40)
    day = forms.DateField(widget=forms.DateInput(attrs={"type": "date"}))
    story = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), required=False)


@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    """Show every element with example data. Nothing is read from the database."""
    moments = _build_moments()
    months = Period.of(1969).children
    return render(
        request,
        "timeline/styleguide.html",
        {
            "colours": COLOURS,
            "sizes": SIZES,
            "page": Page(moments),
            "lines": [(moment, "57 years ago") for moment in moments],
            "cells": build_cells((month, Tally(index**2, 0)) for index, month in enumerate(months)),
            "kind": Level.YEAR.value,
            "earlier_address": "?before=example",
            "later_address": "?after=example",
            "form": ExampleForm(),
            "wrong_form": ExampleForm({"wrong-day": "yesterday"}, prefix="wrong"),
        },
    )


def _build_moments() -> list[Moment]:
    starts = [dt.datetime(1969, 7, day, 20, 17, 40, tzinfo=UTC) for day in range(1, 7)]
    return [
        Moment(title=title, starts_at=start, ends_at=end - dt.timedelta(hours=1), place="A place")
        for title, (start, end) in zip(TITLES, pairwise(starts), strict=True)
    ]
