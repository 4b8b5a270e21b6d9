"""Template tags for what is inlined into each page."""

from __future__ import annotations

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from momentverse.staticfiles.inline import INLINE_ICON, INLINE_LOADER, INLINE_RULES, INLINE_STYLES

register = template.Library()

# Safe, because they are our own files.
_ICON = mark_safe(INLINE_ICON)  # noqa: S308
_STYLES = mark_safe(f"<style>{INLINE_STYLES}</style>")  # noqa: S308
_RULES = mark_safe(INLINE_RULES)  # noqa: S308
_LOADER = mark_safe(INLINE_LOADER)  # noqa: S308


@register.simple_tag
def site_styles() -> SafeString:
    """Return the styles, or in development a link to them."""
    if settings.DEBUG:
        return format_html('<link rel="stylesheet" href="{}">', static("css/site.css"))
    return _STYLES


@register.simple_tag
def inline_icon() -> SafeString:
    """Return the icon as a data: URL. A file would be one more request during the first view."""
    return _ICON


@register.simple_tag
def inline_rules() -> SafeString:
    """Return the speculation rules: which links a browser may prefetch while the pointer rests on them."""
    return _RULES


@register.simple_tag
def inline_loader() -> SafeString:
    """Return the script that loads the page's module after the first paint."""
    return _LOADER
