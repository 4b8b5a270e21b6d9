"""Refuses attempts past their limit before a view sees them; success clears the count.

An attempt is counted first and judged by its number. So of many at once no
more than the limit pass, and no hash is spent on the others.
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
from accounts.throttling.counters import Attempts, Counter
from accounts.throttling.rules import CODE, PASSWORD, RULES, Rule
from momentverse.http.client_ip import UNKNOWN, get_client_network
from momentverse.http.errors import error_response

logger = logging.getLogger("accounts.throttling")

SAFE_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")
attempts = Attempts()


class ThrottleMiddleware:
    """Answers 429, and says when to try again, to an attempt past its limits.

    It stands after the check of a form's token: another site's page must not
    use up its visitors' attempts.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass on; ``process_view`` decides when the view is known."""
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """Count an attempt at what ``RULES`` name, and refuse it past its limits."""
        match = request.resolver_match
        if request.method in SAFE_METHODS or match is None or match.view_name not in RULES:
            return None
        rule, account_of = RULES[match.view_name]
        email = account_of(request)
        if email is None:
            return None
        seconds = admit(request, rule, email)
        return _refusal(request, seconds) if seconds else None


def admit(request: HttpRequest, rule: Rule, email: str) -> int:
    """Count an attempt; return 0 if it may go on, else the seconds until one may."""
    counters = rule.counters(email, get_client_network(request))
    taken: list[Counter] = []
    for counter in counters:
        if not attempts.take(counter):
            _give_back(taken)
            logger.info("refused: %s", counter.group)
            return max(1, *map(attempts.wait, counters))
        taken.append(counter)
    request.attempt_taken = taken  # type: ignore[attr-defined]
    return 0


def succeeded(request: HttpRequest, user: User, rule: Rule) -> None:
    """Forget the failures before a success, and that the success was counted."""
    pair = rule.pair_counter(user.email, get_client_network(request))
    attempts.clear(pair)
    taken: list[Counter] = getattr(request, "attempt_taken", [])
    _give_back([counter for counter in taken if counter != pair])
    request.attempt_taken = []  # type: ignore[attr-defined]


def _give_back(counters: list[Counter]) -> None:
    for counter in counters:
        attempts.give_back(counter)


def _refusal(request: HttpRequest, seconds: int) -> HttpResponse:
    response = error_response(request, 429, _when(seconds))
    response["Retry-After"] = str(seconds)
    return response


def _when(seconds: int) -> str:
    minutes = math.ceil(seconds / 60)
    # A minute later than it may be: hours and minutes are told without their seconds.
    at = timezone.now() + dt.timedelta(seconds=seconds + 59)
    span = f"{minutes} minutes" if minutes > 1 else f"{seconds} second{pluralize(seconds)}"
    return f"You can try again in {span}, at {at:%H:%M} UTC."


@receiver(user_logged_in)
@receiver(password_reset)
def person_proved(sender: Any, request: HttpRequest, user: User, **more: Any) -> None:
    """Remember the network that a person has logged in, or followed the mail of a reset, from."""
    succeeded(request, user, PASSWORD)
    network = get_client_network(request)
    if network != UNKNOWN:
        KnownNetwork.objects.remember(user, network)


@receiver(password_changed)
def password_known(sender: Any, request: HttpRequest, user: User, **more: Any) -> None:
    """Forget failures before the right old password."""
    succeeded(request, user, PASSWORD)


@receiver(authentication_step_completed)
def step_completed(sender: Any, request: HttpRequest, user: User, method: str, **more: Any) -> None:
    """Forget failures before a right code, and before a right password of who is logged in.

    The password alone, at log-in, forgets nothing: it may be known to somebody
    who tries codes next, or whose log-ins send mail to an unverified address.
    """
    if method == "mfa":
        succeeded(request, user, CODE)
    elif more.get("reauthenticated"):
        succeeded(request, user, PASSWORD)
