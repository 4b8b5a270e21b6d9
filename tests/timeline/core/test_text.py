"""Titles and stories are normalised (edge case 19)."""

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from timeline.core.text import (
    BIDI_CONTROLS,
    MAX_SLUG_LENGTH,
    build_slug,
    normalize_line,
    normalize_text,
)


def test_it_works():
    assert normalize_line("  First   steps\non the Moon ") == "First steps on the Moon"


@pytest.mark.parametrize(
    ("written", "normalized"),
    [
        ("e\u0301clipse", "éclipse"),
        ("abc\u202edef", "abcdef"),
        ("tab\tline\u2028end", "tab line end"),
        ("bell\x07", "bell"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("مرحبا", "مرحبا"),
        ("日食", "日食"),
    ],
)
def test_line_is_normalized(written, normalized):
    assert normalize_line(written) == normalized


@pytest.mark.parametrize(
    "written", ["", "   ", "\u200b\u200d", "\u202e", "\u2800", "\u3164", "\u0301", "\ufeff"]
)
def test_invisible_line_is_refused(written):
    with pytest.raises(ValidationError, match="seen"):
        normalize_line(written)


@pytest.mark.parametrize("written", ["a\x00b", "a\ud800b"])
def test_text_that_no_database_stores_is_refused(written):
    for normalize in (normalize_line, normalize_text):
        with pytest.raises(ValidationError, match=r"NUL|half"):
            normalize(written)


def test_text_keeps_its_line_breaks():
    assert normalize_text("one\r\ntwo\rthree\n\nfour ") == "one\ntwo\nthree\n\nfour"


@given(st.text(max_size=200))
def test_normalizing_twice_changes_nothing(text):
    try:
        line = normalize_line(text)
    except ValidationError:
        return
    assert normalize_line(line) == line
    assert not set(line) & (BIDI_CONTROLS | set("\n\r\t\x00"))


@given(st.text(max_size=200))
def test_slug_is_short_ascii(text):
    slug = build_slug(text)
    assert slug
    assert slug.isascii()
    assert len(slug) <= MAX_SLUG_LENGTH
    assert "/" not in slug


def test_title_without_letters_has_a_slug():
    assert build_slug("🚀") == "moment"
