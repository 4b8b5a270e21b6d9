"""Limit the requests of each user and network, and say so in headers."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from momentverse.http.client_ip import get_client_network
from momentverse.http.errors import error_response
from momentverse.ratelimit.limiter import LIMITER_KEY, RESULT_KEY, Limiter, network_key
from momentverse.ratelimit.sliding_window import RateLimitResult

# Static files are exempt as well: WhiteNoise has answered them before the limit is asked.
# So are pictures, of which a page has as many as it has moments, and a provider's signed messages, which come
# from few addresses and in great number when many people pay.
EXEMPT_PREFIXES = ("/health/", "/pictures/", "/payments/stripe/")


class RateLimitMiddleware:
    """Answers 429 with Retry-After past the limit, and tells every client where it stands."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.limiter = Limiter(settings.LIMITS_REDIS_URL, settings.REDIS_TIMEOUT_SECONDS)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Count, then answer or refuse."""
        if request.path.startswith(EXEMPT_PREFIXES):
            return self.get_response(request)
        verdict = request.META.get(RESULT_KEY) or self._count(request)
        if verdict.allowed:
            response = self.get_response(request)
        else:
            response = error_response(
                request,
                429,
                detail=f"You can go on in {verdict.reset_after} s.",
            )
            response["Retry-After"] = str(verdict.reset_after)
        for name, value in rate_limit_headers(verdict):
            response[name] = value
        return response

    def _count(self, request: HttpRequest) -> RateLimitResult:
        # Whoever counts more for this request does it in the same place.
        request.META.setdefault(LIMITER_KEY, self.limiter)
        return get_limiter(request).hit(self._key(request), settings.RATE_LIMIT_PER_MINUTE)

    @staticmethod
    def _key(request: HttpRequest) -> str:
        # Only a request that brings a session can be a user's: nobody else costs a look-up.
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            return f"user:{request.user.pk}"
        return network_key(get_client_network(request))


def get_limiter(request: HttpRequest) -> Limiter:
    """Return the limiter that has counted this request, for what has a limit of its own besides."""
    limiter: Limiter = request.META[LIMITER_KEY]
    return limiter


def rate_limit_headers(verdict: RateLimitResult) -> list[tuple[str, str]]:
    """Return the headers that tell a client where it stands."""
    return [
        ("RateLimit-Limit", str(verdict.limit)),
        ("RateLimit-Remaining", str(verdict.remaining)),
        ("RateLimit-Reset", str(verdict.reset_after)),
    ]
