"""Addresses that know no visitor: no cookie is read there, and none is set."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase


class CookielessMiddleware:
    """Takes the cookies off requests to ``COOKIELESS`` addresses, before anybody can look at them.

    Pages there are framed by others, whose visitors are nobody we should know.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer as if to a stranger."""
        if not request.path_info.startswith(settings.COOKIELESS):
            return self.get_response(request)
        request.META.pop("HTTP_COOKIE", None)
        request.COOKIES = {}
        response = self.get_response(request)
        response.cookies.clear()
        return response
