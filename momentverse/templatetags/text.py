"""Text in templates."""

from __future__ import annotations

from django import template
from django.template.defaultfilters import stringfilter

register = template.Library()


@register.filter(is_safe=True)
@stringfilter
def one_line(text: str) -> str:
    """Return text with every run of spaces and line breaks as one space, so that a template may break it."""
    return " ".join(text.split())
