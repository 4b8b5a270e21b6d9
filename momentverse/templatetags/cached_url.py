"""Django's ``{% url %}`` with a cache; settings make it a builtin of all templates.

Reversing a route takes tens of microseconds, and a list page has 160 links. From the cache a link costs
little more than a variable.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, TypeAlias

from django import template
from django.conf import settings
from django.template.base import FilterExpression, Parser, Token
from django.template.context import Context
from django.template.defaulttags import URLNode
from django.template.defaulttags import url as django_url
from django.urls import get_script_prefix, get_urlconf
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString

register = template.Library()

# Tags and people are unbounded in number. A full cache is emptied, and fills again in a few pages.
MAX_CACHED = 10_000
Addresses: TypeAlias = dict[tuple[Any, ...], SafeString]
# By what else an address depends on: the URL map, the script's prefix and the current application.
_caches: defaultdict[tuple[Any, ...], Addresses] = defaultdict(dict)


@register.tag
def url(parser: Parser, token: Token) -> URLNode:
    """Parse ``{% url %}`` as Django does."""
    node = django_url(parser, token)
    name = node.view_name
    is_plain = isinstance(name.var, str) and not (name.filters or node.kwargs or node.asvar)
    if is_plain and isinstance(name, FilterExpression):
        return CachedURLNode(name, node.args, {}, None)
    return node


class CachedURLNode(URLNode):
    """A ``{% url %}`` with a literal name, that looks its address up once for each set of arguments."""

    def render(self, context: Context) -> str:
        """Return the address for an attribute. Raises NoReverseMatch."""
        if not context.autoescape:
            return super().render(context)
        args = [argument.resolve(context) for argument in self.args]
        for argument in args:
            if type(argument) not in (str, SafeString, int):
                return super().render(context)
        key = (self.view_name.var, *args)
        addresses = _addresses_for(context)
        if key not in addresses:
            if len(addresses) >= MAX_CACHED:
                addresses.clear()
            addresses[key] = conditional_escape(super().render(context))
        return addresses[key]


def _addresses_for(context: Context) -> Addresses:
    """Return the cache for a request. It is found once for each, since thread-local values are slow."""
    request: Any = getattr(context, "request", None)
    try:
        return request.cached_addresses  # type: ignore[no-any-return]
    except AttributeError:
        pass
    match = getattr(request, "resolver_match", None)
    app = getattr(request, "current_app", getattr(match, "namespace", None))
    addresses = _caches[get_urlconf() or settings.ROOT_URLCONF, get_script_prefix(), app]
    if request is not None:
        request.cached_addresses = addresses
    return addresses
