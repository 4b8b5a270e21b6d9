"""Templates have short lines, and links made with the ``url`` tag."""

from __future__ import annotations

import re

from tests.support.servers import ROOT

MAX_LINE_LENGTH = 120
# Only HTML: in the text template of a mail, a line break would be one in the mail.
HTML_TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
HARD_CODED_LINK = re.compile(r"""\b(?:href|action)=["']/[^"']*""")


def find_lines(is_match):
    """Return ``path:number`` of the template lines that match."""
    return [
        f"{path.relative_to(ROOT)}:{number}"
        for path in HTML_TEMPLATES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if is_match(line)
    ]


def test_lines_are_not_too_long():
    assert HTML_TEMPLATES
    assert find_lines(lambda line: len(line) > MAX_LINE_LENGTH) == []


def test_links_are_url_tags():
    assert HARD_CODED_LINK.search('<a href="/timeline/">')
    assert not HARD_CODED_LINK.search("<a href=\"{% url 'timeline:newest' %}\">")
    assert find_lines(HARD_CODED_LINK.search) == []
