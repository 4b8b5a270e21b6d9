"""Django's ``{% url %}`` with a cache, in place of the original in all templates (``builtins`` in settings).

Reversing a URL takes tens of microseconds, and a list page has 160 links. From the cache, a link
costs little more than a variable.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, TypeAlias

from django import template
from django.conf import settings
from django.template.base import Parser, Token
from django.template.context import Context
from django.template.defaulttags import URLNode
from django.template.defaulttags import url as django_url
from django.urls import get_script_prefix, get_urlconf
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString

register = template.Library()

# There may be any number of tags and profiles. A full cache is emptied; a few pages fill it again.
MAX_CACHED_URLS = 10_000
UrlCache: TypeAlias = dict[tuple[Any, ...], SafeString]
# By everything else that a URL depends on: the URLconf, the script prefix and the current application.
_caches: defaultdict[tuple[Any, ...], UrlCache] = defaultdict(dict)


@register.tag
def url(parser: Parser, token: Token) -> URLNode:
    """Parse ``{% url %}``. A tag with keyword arguments, filters or ``as`` is not cached."""
    node = django_url(parser, token)
    name = node.view_name
    is_plain = isinstance(name.var, str) and not (name.filters or node.kwargs or node.asvar)
    if is_plain:
        return CachedURLNode(name, node.args, {}, None)
    return node


class CachedURLNode(URLNode):
    """A ``{% url %}`` with a literal view name, which reverses the URL once per set of arguments."""

    def render(self, context: Context) -> str:
        """Return the escaped URL. Raises NoReverseMatch."""
        if not context.autoescape:
            return super().render(context)
        args = [argument.resolve(context) for argument in self.args]
        for argument in args:
            if type(argument) not in (str, SafeString, int):
                return super().render(context)
        key = (self.view_name.var, *args)
        urls = _get_url_cache(context)
        if key not in urls:
            if len(urls) >= MAX_CACHED_URLS:
                urls.clear()
            urls[key] = conditional_escape(super().render(context))
        return urls[key]


def _get_url_cache(context: Context) -> UrlCache:
    """Return the cache for a request. Looked up once per request, because thread-locals are slow."""
    request: Any = getattr(context, "request", None)
    try:
        return request.cached_urls  # type: ignore[no-any-return]
    except AttributeError:
        pass
    match = getattr(request, "resolver_match", None)
    app = getattr(request, "current_app", getattr(match, "namespace", None))
    urls = _caches[get_urlconf() or settings.ROOT_URLCONF, get_script_prefix(), app]
    if request is not None:
        request.cached_urls = urls
    return urls
