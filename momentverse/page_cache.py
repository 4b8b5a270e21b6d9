"""Who may keep a page, and for how long: the policy stands on each view, by name.

Whatever does not opt in is ``private, no-store``, so forgetting is safe.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers
from redis.exceptions import RedisError

TIMELINE_SECONDS = 30
PROFILE_SECONDS = 300
TRENDING_SECONDS = 600
STATIC_PAGE_SECONDS = 3600
STALE_SECONDS = 60
# What a cache that is away raises.
CACHE_ERRORS = (RedisError, OSError)

View = Callable[..., HttpResponse]


def public_page(seconds: int) -> Callable[[View], View]:
    """Let anybody's cache keep the page for ``seconds``, if the visitor has no session.

    The view must not show anything personal to a visitor without a session.
    Browsers ask again each time and get 304; shared caches answer by themselves.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            response = view(request, *args, **kwargs)
            if settings.SESSION_COOKIE_NAME not in request.COOKIES and response.status_code == 200:
                response.setdefault(
                    "Cache-Control",
                    f"public, max-age=0, s-maxage={seconds}, stale-while-revalidate={STALE_SECONDS}",
                )
            patch_vary_headers(response, ["Cookie"])
            return response

        return wrapped

    return decorate


class NoStoreByDefaultMiddleware:
    """Marks every response ``private, no-store`` that has no Cache-Control of its own, or sets a cookie.

    A cookie is somebody's: a page that carries one is nobody else's, whatever its view says.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, marked."""
        response = self.get_response(request)
        if response.cookies:
            response["Cache-Control"] = "private, no-store"
        else:
            response.setdefault("Cache-Control", "private, no-store")
        return response
