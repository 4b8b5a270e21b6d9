"""What is limited, how strictly, and whose account an attempt is about."""

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

QUARTER = 15 * 60
HOUR = 60 * 60


@dataclass(frozen=True)
class Rule:
    """The limits of one kind of attempt.

    On a network that a person has logged in from before, only ``pair`` binds
    them: whatever strangers do elsewhere, they are not locked out there.
    """

    name: str
    pair: Limit  # one account from one network
    network: Limit  # whatever the account
    account: Limit  # whatever the network

    def pair_counter(self, email: str, network: str) -> Counter:
        """Return the count of tries at one account from one network."""
        return Counter(f"{self.name} pair", _hash(_folded(email), network), self.pair)

    def counters(self, email: str, network: str) -> list[Counter]:
        """Return all that bind this attempt, in the order in which they are counted.

        The narrowest comes first, so that what it refuses uses up nobody else's.
        """
        pair = self.pair_counter(email, network)
        if KnownNetwork.objects.knows(email.strip().lower(), network):
            return [pair]
        return [
            pair,
            Counter(f"{self.name} network", _hash(network), self.network),
            Counter(f"{self.name} account", _hash(_folded(email)), self.account),
        ]


PAIR = Limit(5, QUARTER)
PASSWORD = Rule("password", PAIR, network=Limit(50, QUARTER), account=Limit(20, HOUR))
CODE = Rule("code", PAIR, network=Limit(50, QUARTER), account=Limit(10, HOUR))
SIGN_UP = Rule("sign-up", PAIR, network=Limit(30, HOUR), account=Limit(10, HOUR))
MAIL = Rule("mail", PAIR, network=Limit(30, HOUR), account=Limit(10, HOUR))
REPORT = Rule("report", PAIR, network=Limit(20, HOUR), account=Limit(20, HOUR))
# Generous to a person, who may be at it all evening; not to a script.
LIKE = Rule("like", Limit(120, HOUR), network=Limit(480, HOUR), account=Limit(240, HOUR))
CLAIM = Rule("claim", Limit(30, HOUR), network=Limit(120, HOUR), account=Limit(60, HOUR))


def _posted(field: str) -> Callable[[HttpRequest], str | None]:
    return lambda request: _storable(request.POST.get(field, ""))


def _own(request: HttpRequest) -> str | None:
    return request.user.email if request.user.is_authenticated else None


def _half_logged_in(request: HttpRequest) -> str | None:
    login = unstash_login(request, peek=True)
    return login.user.email if login and login.user else None


def _own_or_network(request: HttpRequest) -> str:
    # Visitors may do it too: without an account they are counted by their network alone.
    return _own(request) or get_client_network(request)


# By a view's name: the rule, and whose e-mail it is about; None where the view sends people to log in.
RULES: dict[str, tuple[Rule, Callable[[HttpRequest], str | None]]] = {
    "account_login": (PASSWORD, _posted("login")),
    "admin:login": (PASSWORD, _posted("username")),
    "account_reauthenticate": (PASSWORD, _own),
    "account_change_password": (PASSWORD, _own),
    "admin:password_change": (PASSWORD, _own),
    "account-delete": (PASSWORD, _own),
    "mfa_authenticate": (CODE, _half_logged_in),
    "mfa_reauthenticate": (CODE, _own),
    "account_signup": (SIGN_UP, _posted("email")),
    "account_reset_password": (MAIL, _posted("email")),
    "account_email": (MAIL, _own),
    "timeline:report": (REPORT, _own_or_network),
    "timeline:claim-hold": (CLAIM, _own),
    "timeline:moment-like": (LIKE, _own),
}


def _storable(text: str) -> str:
    # The databases are asked with it, and take neither lone surrogates nor NUL.
    return text.encode(errors="replace").decode().replace("\0", "")


def _folded(email: str) -> str:
    # Upper case first: it makes one of letters that some comparisons take for the same (ı, i).
    return unicodedata.normalize("NFKC", email).strip().upper().lower()


def _hash(*parts: str) -> str:
    # Keyed, so that whoever reads the cache cannot tell which addresses are tried.
    return salted_hmac("accounts.throttling", "\n".join(parts), algorithm="sha256").hexdigest()
