"""What stands inside of a page, as its template asks for it."""

from __future__ import annotations

from django import template
from django.conf import settings
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from momentverse.staticfiles.inline import INLINE_ICON, INLINE_LOADER, INLINE_RULES, INLINE_STYLES

register = template.Library()

# Files of ours.
_ICON = mark_safe(INLINE_ICON)  # noqa: S308
_STYLES = mark_safe(f"<style>{INLINE_STYLES}</style>")  # noqa: S308
_RULES = mark_safe(INLINE_RULES)  # noqa: S308
_LOADER = mark_safe(INLINE_LOADER)  # noqa: S308


@register.simple_tag
def site_styles() -> SafeString:
    """Return the styles themselves; a link to them while developing."""
    if settings.DEBUG:
        return format_html('<link rel="stylesheet" href="{}">', static("css/site.css"))
    return _STYLES


@register.simple_tag
def inline_icon() -> SafeString:
    """Return the icon as an address: a file would be fetched at once, beside the first view."""
    return _ICON


@register.simple_tag
def inline_rules() -> SafeString:
    """Return the rules by which a browser may fetch a link that a pointer rests on."""
    return _RULES


@register.simple_tag
def inline_loader() -> SafeString:
    """Return what loads the page's module once the page has been seen."""
    return _LOADER
