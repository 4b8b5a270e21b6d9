"""Fixtures for feeds: hidden moments, and a moment whose texts would break a file without escaping."""

from __future__ import annotations

import pytest

from timeline.models import Moment, Visibility

# Markup, line breaks and invalid characters. The models remove much of it, so the test bypasses them.
HOSTILE = "<b>&amp; ]]> \r\nBEGIN:VEVENT\r\nX:1;,\\ \u202eevil\u202c \ufffe\x0b\x1f\x7f \u2028end שלום 👩‍🚀"


@pytest.fixture
def hostile_moment(make_moment) -> Moment:
    moment = make_moment("1969-07-20T20:17:40Z")
    Moment.objects.filter(pk=moment.pk).update(title=HOSTILE, story=HOSTILE, place=HOSTILE)
    moment.refresh_from_db()
    return moment


@pytest.fixture
def hidden_moments(make_tagged_moment) -> list[Moment]:
    """Return a private and an unlisted moment."""
    return [
        make_tagged_moment(
            f"1970-01-0{day}", "moon", title="Canary title", story="Canary story",
            place="Canary place", visibility=visibility,
        )
        for day, visibility in enumerate((Visibility.PRIVATE, Visibility.UNLISTED), start=1)
    ]  # fmt: skip
