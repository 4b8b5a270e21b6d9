"""Limit the requests of each user and network, and report the limit in headers."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from momentverse.http.client_ip import get_client_network
from momentverse.http.errors import error_response
from momentverse.ratelimit.limiter import LIMITER_KEY, RATE_LIMIT_RESULT_KEY, Limiter, network_key
from momentverse.ratelimit.sliding_window import RateLimitResult

# Pictures are exempt because a page has as many of them as it has moments. So are the signed messages of
# the payment provider: they come from few addresses, and many at once if many people pay. Static files
# never get here, because WhiteNoise answers them before this middleware.
EXEMPT_PREFIXES = ("/health/", "/pictures/", "/payments/stripe/")


class RateLimitMiddleware:
    """Answers 429 with Retry-After above the limit, and adds the RateLimit headers to every response."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.limiter = Limiter(settings.LIMITS_REDIS_URL, settings.REDIS_TIMEOUT_SECONDS)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith(EXEMPT_PREFIXES):
            return self.get_response(request)
        # The page cache may have counted this request already.
        result: RateLimitResult = request.META.get(RATE_LIMIT_RESULT_KEY) or self._count(request)
        if result.allowed:
            response = self.get_response(request)
        else:
            response = error_response(
                request, 429, detail=f"You can go on in {result.reset_after} s."
            )
            response["Retry-After"] = str(result.reset_after)
        for name, value in rate_limit_headers(result):
            response[name] = value
        return response

    def _count(self, request: HttpRequest) -> RateLimitResult:
        request.META.setdefault(LIMITER_KEY, self.limiter)
        return get_limiter(request).hit(self._key(request), settings.RATE_LIMIT_PER_MINUTE)

    @staticmethod
    def _key(request: HttpRequest) -> str:
        # Only a request with a session cookie can be a user's; the others do not cost a query.
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            return f"user:{request.user.pk}"
        return network_key(get_client_network(request))


def get_limiter(request: HttpRequest) -> Limiter:
    """Return the limiter that counted this request, for views that have a limit of their own."""
    limiter: Limiter = request.META[LIMITER_KEY]
    return limiter


def rate_limit_headers(result: RateLimitResult) -> list[tuple[str, str]]:
    """Return the headers that report a client's limit, and how much of it is left."""
    return [
        ("RateLimit-Limit", str(result.limit)),
        ("RateLimit-Remaining", str(result.remaining)),
        ("RateLimit-Reset", str(result.reset_after)),
    ]
