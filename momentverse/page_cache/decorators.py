"""The cache policy of each view, and the middleware that applies the default.

Every response is ``private, no-store`` unless its view opts in with ``public_page``. So forgetting
the decorator is safe.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers

from momentverse.page_cache.groups import STALE_SECONDS, Group

View = Callable[..., HttpResponse]


@dataclass(frozen=True)
class Policy:
    """How the page of a view may be cached; known before the view is called."""

    seconds: int
    groups: tuple[Group, ...]
    # The query parameters that the view reads. None: a page with a query is not cached.
    parameters: tuple[str, ...] | None


def public_page(
    lifetime: Group | int,
    *more: Group,
    parameters: Iterable[str] | None = None,
    browser_seconds: int = 0,
) -> Callable[[View], View]:
    """Let every cache store the page if the visitor has no session.

    ``lifetime`` is the page's group, or a number of seconds if only time makes the page stale.
    Invalidating a group in ``more`` makes it stale as well. ``parameters`` names the query
    parameters that the view reads; it gets no others.

    The view must not show anything personal to a visitor without a session.
    Browsers revalidate on every visit and get a 304, or keep the page for ``browser_seconds``.
    Shared caches answer without asking us.
    """
    first = () if isinstance(lifetime, int) else (lifetime,)
    policy = Policy(
        seconds=lifetime if isinstance(lifetime, int) else lifetime.seconds,
        groups=(*first, *more),
        parameters=None if parameters is None else tuple(parameters),
    )
    cache_control = (
        f"public, max-age={browser_seconds}, s-maxage={policy.seconds},"
        f" stale-while-revalidate={STALE_SECONDS}"
    )

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            response = view(request, *args, **kwargs)
            if settings.SESSION_COOKIE_NAME not in request.COOKIES and response.status_code == 200:
                response.setdefault("Cache-Control", cache_control)
            patch_vary_headers(response, ["Cookie"])
            return response

        wrapped.page_policy = policy  # type: ignore[attr-defined]
        return wrapped

    return decorate


def get_policy(view: Callable[..., HttpResponseBase]) -> Policy | None:
    """Return the policy of a view, if it has one. Decorators around ``public_page`` preserve it."""
    policy: Policy | None = getattr(view, "page_policy", None)
    return policy


class NoStoreByDefaultMiddleware:
    """Marks responses ``private, no-store`` if they have no Cache-Control or set a cookie.

    A response with a cookie belongs to one visitor, whatever the policy of its view.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.cookies:
            response["Cache-Control"] = "private, no-store"
        else:
            response.setdefault("Cache-Control", "private, no-store")
        return response
