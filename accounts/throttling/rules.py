"""Which views are limited, how strictly, and which account an attempt concerns."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from allauth.account.internal.stagekit import unstash_login
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from accounts.models import KnownNetwork
from accounts.throttling.counters import Counter, Limit
from momentverse.http.client_ip import get_client_network

QUARTER_HOUR = 15 * 60
HOUR = 60 * 60


@dataclass(frozen=True)
class Rule:
    """The limits of one kind of attempt.

    On a network that the owner has logged in from before, only ``pair`` applies.
    So strangers elsewhere cannot lock the owner out.
    """

    name: str
    pair: Limit  # one account from one network
    network: Limit  # whatever the account
    account: Limit  # whatever the network

    def get_pair_counter(self, email: str, network: str) -> Counter:
        """Return the counter of attempts at one account from one network."""
        return Counter(f"{self.name} pair", _hash(_fold(email), network), self.pair)

    def list_counters(self, email: str, network: str) -> list[Counter]:
        """Return all counters that apply to this attempt, in the order of counting.

        The narrowest comes first, so that an attempt it refuses does not count
        against anybody else.
        """
        pair = self.get_pair_counter(email, network)
        if KnownNetwork.objects.is_known(email.strip().lower(), network):
            return [pair]
        return [
            pair,
            Counter(f"{self.name} network", _hash(network), self.network),
            Counter(f"{self.name} account", _hash(_fold(email)), self.account),
        ]


PAIR = Limit(5, QUARTER_HOUR)
PASSWORD = Rule("password", PAIR, network=Limit(50, QUARTER_HOUR), account=Limit(20, HOUR))
CODE = Rule("code", PAIR, network=Limit(50, QUARTER_HOUR), account=Limit(10, HOUR))
SIGN_UP = Rule("sign-up", PAIR, network=Limit(30, HOUR), account=Limit(10, HOUR))
MAIL = Rule("mail", PAIR, network=Limit(30, HOUR), account=Limit(10, HOUR))
REPORT = Rule("report", PAIR, network=Limit(20, HOUR), account=Limit(20, HOUR))
# High enough for a user who likes moments all evening, but too low for a script.
LIKE = Rule("like", Limit(120, HOUR), network=Limit(480, HOUR), account=Limit(240, HOUR))
CLAIM = Rule("claim", Limit(30, HOUR), network=Limit(120, HOUR), account=Limit(60, HOUR))


def _build_form_email_getter(field: str) -> Callable[[HttpRequest], str | None]:
    return lambda request: _make_storable(request.POST.get(field, ""))


def _get_own_email(request: HttpRequest) -> str | None:
    return request.user.email if request.user.is_authenticated else None


def _get_email_of_pending_login(request: HttpRequest) -> str | None:
    login = unstash_login(request, peek=True)
    return login.user.email if login and login.user else None


def _get_own_email_or_network(request: HttpRequest) -> str:
    # Visitors may report too: without an account, only their network is counted.
    return _get_own_email(request) or get_client_network(request)


# By view name: the rule, and a function that returns the e-mail address the attempt concerns.
# It returns None where the view redirects to the log-in page anyway.
RULES: dict[str, tuple[Rule, Callable[[HttpRequest], str | None]]] = {
    "account_login": (PASSWORD, _build_form_email_getter("login")),
    "admin:login": (PASSWORD, _build_form_email_getter("username")),
    "account_reauthenticate": (PASSWORD, _get_own_email),
    "account_change_password": (PASSWORD, _get_own_email),
    "admin:password_change": (PASSWORD, _get_own_email),
    "account-delete": (PASSWORD, _get_own_email),
    "mfa_authenticate": (CODE, _get_email_of_pending_login),
    "mfa_reauthenticate": (CODE, _get_own_email),
    "account_signup": (SIGN_UP, _build_form_email_getter("email")),
    "account_reset_password": (MAIL, _build_form_email_getter("email")),
    "account_email": (MAIL, _get_own_email),
    "timeline:report": (REPORT, _get_own_email_or_network),
    "timeline:claim-hold": (CLAIM, _get_own_email),
    "timeline:moment-like": (LIKE, _get_own_email),
}


def _make_storable(text: str) -> str:
    # The text is used in database queries, which accept neither lone surrogates nor NUL.
    return text.encode(errors="replace").decode().replace("\0", "")


def _fold(email: str) -> str:
    # Upper case first: it unites letters that some comparisons treat as equal (ı and i).
    return unicodedata.normalize("NFKC", email).strip().upper().lower()


def _hash(*parts: str) -> str:
    # A keyed hash, so that reading the cache does not reveal which addresses are being tried.
    return salted_hmac("accounts.throttling", "\n".join(parts), algorithm="sha256").hexdigest()
