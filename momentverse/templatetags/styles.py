"""The site's styles as a page takes them."""

from __future__ import annotations

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from momentverse.styles import INLINE_STYLES

register = template.Library()

_INLINE = mark_safe(f"<style>{INLINE_STYLES}</style>")  # noqa: S308  a file of ours


@register.simple_tag
def site_styles() -> SafeString:
    """Return the styles themselves; a link to them while developing."""
    if settings.DEBUG:
        return format_html('<link rel="stylesheet" href="{}">', static("css/site.css"))
    return _INLINE
