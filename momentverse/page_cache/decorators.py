"""Who may keep a page, for how long and what makes it another page: it stands on each view, by name.

Whatever does not opt in is ``private, no-store``, so forgetting is safe.
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
    """What the front needs to know of a view before it is asked."""

    seconds: int
    groups: tuple[Group, ...]
    # The query's parameters that the view reads; None: a page with a query is not kept.
    parameters: tuple[str, ...] | None


def public_page(
    lifetime: Group | int,
    *more: Group,
    parameters: Iterable[str] | None = None,
    browser_seconds: int = 0,
) -> Callable[[View], View]:
    """Let anybody's cache keep the page, if the visitor has no session.

    ``lifetime`` is the page's group, or seconds when nothing but time makes it
    old; it is made anew as well when one of the groups in ``more`` has changed.
    ``parameters`` names what the view reads of the query: nothing else of it
    reaches the view then.

    The view must not show anything personal to a visitor without a session.
    Browsers ask again each time and get 304, or keep it for ``browser_seconds``;
    shared caches answer by themselves.
    """
    first = () if isinstance(lifetime, int) else (lifetime,)
    policy = Policy(
        seconds=lifetime if isinstance(lifetime, int) else lifetime.seconds,
        groups=(*first, *more),
        parameters=None if parameters is None else tuple(parameters),
    )
    kept_for = (
        f"max-age={browser_seconds}, s-maxage={policy.seconds},"
        f" stale-while-revalidate={STALE_SECONDS}"
    )

    def decorate(view: View) -> View:
        @wraps(view)
        def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            response = view(request, *args, **kwargs)
            if settings.SESSION_COOKIE_NAME not in request.COOKIES and response.status_code == 200:
                response.setdefault("Cache-Control", f"public, {kept_for}")
            patch_vary_headers(response, ["Cookie"])
            return response

        wrapped.page_policy = policy  # type: ignore[attr-defined]
        return wrapped

    return decorate


def get_policy(view: Callable[..., Any]) -> Policy | None:
    """Return the policy on a view, if it has one; decorators above it keep it."""
    policy: Policy | None = getattr(view, "page_policy", None)
    return policy


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
