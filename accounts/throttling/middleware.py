"""Refuse attempts over their limit before a view runs; a success resets the count.

Each attempt is counted first and then judged by its number. So of many
simultaneous attempts no more than the limit pass, and no password is hashed for
the others.
"""

from __future__ import annotations

import datetime as dt
import logging
import math
from collections.abc import Callable
from typing import Any

from allauth.account.signals import authentication_step_completed, password_changed, password_reset
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.defaultfilters import pluralize
from django.utils import timezone

from accounts.models import KnownNetwork, User
from accounts.throttling.counters import AttemptCounter, Counter
from accounts.throttling.rules import CODE, PASSWORD, RULES, Rule
from momentverse.http.client_ip import UNKNOWN, get_client_network
from momentverse.http.errors import error_response

logger = logging.getLogger("accounts.throttling")

SAFE_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")
attempt_counter = AttemptCounter()


class ThrottleMiddleware:
    """Answers an attempt over its limits with 429 and the time of the next try.

    It runs after the CSRF check, so that another site cannot use up the
    attempts of its visitors.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """Count an attempt if ``RULES`` has a rule for the view, and refuse it over the limits."""
        match = request.resolver_match
        if request.method in SAFE_METHODS or match is None or match.view_name not in RULES:
            return None
        rule, account_of = RULES[match.view_name]
        email = account_of(request)
        if email is None:
            return None
        seconds = count_attempt(request, rule, email)
        return _build_refusal(request, seconds) if seconds else None


def count_attempt(request: HttpRequest, rule: Rule, email: str) -> int:
    """Count an attempt. Return 0 if it is allowed, else the seconds until one is."""
    counters = rule.list_counters(email, get_client_network(request))
    acquired: list[Counter] = []
    for counter in counters:
        if not attempt_counter.acquire(counter):
            _release(acquired)
            logger.info("refused: %s", counter.group)
            return max(1, *map(attempt_counter.get_retry_after, counters))
        acquired.append(counter)
    request.acquired_counters = acquired  # type: ignore[attr-defined]
    return 0


def record_success(request: HttpRequest, user: User, rule: Rule) -> None:
    """Forget the failures before a success, and do not count the success itself."""
    pair = rule.get_pair_counter(user.email, get_client_network(request))
    attempt_counter.reset(pair)
    acquired: list[Counter] = getattr(request, "acquired_counters", [])
    _release([counter for counter in acquired if counter != pair])
    request.acquired_counters = []  # type: ignore[attr-defined]


def _release(counters: list[Counter]) -> None:
    for counter in counters:
        attempt_counter.release(counter)


def _build_refusal(request: HttpRequest, seconds: int) -> HttpResponse:
    response = error_response(request, 429, _format_retry_time(seconds))
    response["Retry-After"] = str(seconds)
    return response


def _format_retry_time(seconds: int) -> str:
    minutes = math.ceil(seconds / 60)
    # Round up to the next minute, because the time is shown without seconds.
    at = timezone.now() + dt.timedelta(seconds=seconds + 59)
    wait = f"{minutes} minutes" if minutes > 1 else f"{seconds} second{pluralize(seconds)}"
    return f"You can try again in {wait}, at {at:%H:%M} UTC."


@receiver(user_logged_in)
@receiver(password_reset)
def on_login_or_reset(sender: Any, request: HttpRequest, user: User, **more: Any) -> None:
    """Reset the count, and remember the network from which a user logged in or reset a password."""
    record_success(request, user, PASSWORD)
    network = get_client_network(request)
    if network != UNKNOWN:
        KnownNetwork.objects.remember(user, network)


@receiver(password_changed)
def on_password_changed(sender: Any, request: HttpRequest, user: User, **more: Any) -> None:
    """Reset the count: the user has entered the right old password."""
    record_success(request, user, PASSWORD)


@receiver(authentication_step_completed)
def on_step_completed(
    sender: Any, request: HttpRequest, user: User, method: str, **more: Any
) -> None:
    """Reset the count after a right code, or after a logged-in user's right password.

    The password alone does not reset anything at log-in. Somebody else may know
    it and try codes next, or use log-ins to send mail to an unverified address.
    """
    if method == "mfa":
        record_success(request, user, CODE)
    elif more.get("reauthenticated"):
        record_success(request, user, PASSWORD)
