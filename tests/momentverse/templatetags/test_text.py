"""Text in templates may be broken into lines."""

from __future__ import annotations

from django.template import engines


def rendered(source, **context):
    return engines["django"].from_string("{% load text %}" + source).render(context)


def test_line_breaks_become_spaces():
    source = "{% filter one_line %}\n  Search ·\n  MomentVerse\n{% endfilter %}"
    assert rendered(source) == "Search · MomentVerse"


def test_text_is_escaped_once():
    assert (
        rendered("{% filter one_line %}{{ title }}\n!{% endfilter %}", title="<b> & c")
        == "&lt;b&gt; &amp; c !"
    )
    assert rendered("{{ title|one_line }}", title="<b>\n&") == "&lt;b&gt; &amp;"
