"""Template filters for amounts of money and stories."""

from __future__ import annotations

from django import template
from django.utils.html import Urlizer, linebreaks
from django.utils.safestring import SafeString, mark_safe

from timeline.services.claims import pricing

register = template.Library()


@register.filter
def money(amount: int, currency: str) -> str:
    """Format an amount in minor units: ``{{ order.amount|money:order.currency }}``."""
    return pricing.format_money(amount, currency)


class StoryUrlizer(Urlizer):
    """Turn web addresses into links that are marked as written by users. E-mail addresses stay text."""

    url_template = '<a href="{href}" rel="ugc nofollow">{url}</a>'

    @staticmethod
    def is_email_simple(value: str) -> bool:  # noqa: ARG004  the urlizer's hook
        """Treat nothing as an e-mail address, because such links mostly help those who collect them."""
        return False


_urlize = StoryUrlizer()


@register.filter
def story(text: str) -> SafeString:
    """Return a story as escaped HTML paragraphs with safe links."""
    linked = SafeString(_urlize(text, autoescape=True))
    return mark_safe(linebreaks(linked))  # noqa: S308  escaped by the urlizer
