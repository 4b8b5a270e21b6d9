"""Templates keep to the line length, and link by url tags."""

from __future__ import annotations

import re

from tests.support.servers import ROOT

MAX_LINE_LENGTH = 120
# In a text template every line break is one of the mail, so only HTML is held to the length.
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
HAND_WRITTEN_LINK = re.compile(r"""\b(?:href|action)=["']/[^"']*""")


def offences(is_offence):
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in TEMPLATES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if is_offence(line)
    ]


def test_lines_are_not_too_long():
    assert TEMPLATES
    assert offences(lambda line: len(line) > MAX_LINE_LENGTH) == []


def test_links_are_url_tags():
    assert HAND_WRITTEN_LINK.search('<a href="/timeline/">')
    assert not HAND_WRITTEN_LINK.search("<a href=\"{% url 'timeline:newest' %}\">")
    assert offences(HAND_WRITTEN_LINK.search) == []
