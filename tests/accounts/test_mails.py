"""Every mail about an account: what it says, to whom, and where its links lead."""

from __future__ import annotations

import copy
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from allauth.account import app_settings as account_settings
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.conf import settings as site_settings
from django.core import mail
from django.core.cache import caches
from django.template.loader import get_template
from django.test import Client

from accounts.mail import Paragraph, split_paragraphs
from accounts.models import User
from tests.accounts.conftest import PASSWORD, link_in

pytestmark = pytest.mark.django_db

NEW_PASSWORD = "another perfectly long one"
# A host that is answered to and that is not the one in SITE_URL.
OTHER_HOST = "localhost:8999"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
# What can be sent with the settings as they are.
MAILS = [
    "account/email/account_already_exists",
    "account/email/email_changed",
    "account/email/email_confirmation",
    "account/email/email_confirmation_signup",
    "account/email/email_deleted",
    "account/email/password_changed",
    "account/email/password_reset",
    "account/email/password_reset_key",
    "account/email/password_set",
    "account/email/unknown_account",
    "mfa/email/recovery_codes_generated",
    "mfa/email/totp_activated",
    "mfa/email/totp_deactivated",
]


@pytest.fixture(autouse=True)
def _broken_variables_show_and_nobody_is_throttled(settings):
    settings.TEMPLATES = copy.deepcopy(settings.TEMPLATES)
    settings.TEMPLATES[0]["OPTIONS"]["string_if_invalid"] = "BROKEN"
    caches["throttle"].clear()


@pytest.fixture
def visitor() -> Client:
    """Somebody who asks with another Host than the site's own."""
    return Client(headers={"host": OTHER_HOST, "user-agent": FIREFOX})


@pytest.fixture
def person(ada, visitor) -> Client:
    """Ada, signed in a moment ago."""
    visitor.post("/accounts/login/", {"login": ada.email, "password": PASSWORD})
    # Her authenticity was proven by that: nothing asks for the password again.
    visitor.post("/accounts/reauthenticate/", {"password": PASSWORD})
    mail.outbox.clear()
    return visitor


class Html(HTMLParser):
    """The links and the words of an HTML part."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.words = ""
        self.remote: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        fields = dict(attrs)
        if tag == "a":
            self.links.append(fields["href"])
        if tag in ("img", "link", "script", "iframe", "form") or "src" in fields:
            self.remote.append(self.get_starttag_text())

    def handle_data(self, data):
        self.words += data


def the_mail(to: str = "ada@example.org") -> mail.EmailMultiAlternatives:
    """Return the one mail that was sent to ``to``, after looking at what all mails have in common."""
    (message,) = [message for message in mail.outbox if message.to == [to]]
    subject, body = message.subject, str(message.body)
    assert subject == subject.strip()
    assert len(subject.splitlines()) == 1
    (part,) = message.alternatives
    assert part.mimetype == "text/html"
    html = Html(part.content)
    addresses = re.findall(r"https?://\S+", body + part.content.replace("<", " "))
    assert all(address.startswith(site_settings.SITE_URL) for address in addresses)
    assert all(link.startswith(f"{site_settings.SITE_URL}/") for link in html.links)
    assert html.remote == []
    for text in (subject, body, part.content):
        assert not re.search(r"BROKEN|\{[{%#]|None|localhost|testserver|&amp;|&#", text)
    assert body.startswith("Hello")
    assert body.endswith(f"\n\nMomentVerse, {site_settings.SITE_URL}\n")
    assert "\n\n\n" not in body
    for paragraph in split_paragraphs(body):
        for line in paragraph.text.splitlines():
            assert line in html.words
    assert message.extra_headers["Auto-Submitted"] == "auto-generated"
    # It can be sent as it is: no header is refused.
    message.message().as_bytes()
    return message


def code(secret: str) -> str:
    """Return what an authenticator shows now."""
    *_, now, _next = yield_hotp_counters_from_time()
    return format_hotp_value(hotp_value(secret, now))


def turn_on_second_factor(user: User) -> None:
    TOTP.activate(user, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")


def test_it_works(visitor):
    """Sign-up."""
    visitor.post(
        "/accounts/signup/",
        {"email": "grace@example.org", "username": "grace", "password1": PASSWORD},
    )
    message = the_mail("grace@example.org")
    assert message.subject == "Confirm your address for MomentVerse"
    assert "Hello @grace," in message.body
    visitor.post(link_in(message, "confirm-email"))
    assert visitor.get("/accounts/").status_code == 200


@pytest.mark.parametrize("prefix", MAILS)
@pytest.mark.parametrize("part", ["subject", "message"])
def test_its_words_are_ours(prefix, part):
    origin = Path(get_template(f"{prefix}_{part}.txt").origin.name)
    assert origin.is_relative_to(site_settings.BASE_DIR / "templates")


def test_signing_up_twice(ada, visitor):
    visitor.post(
        "/accounts/signup/", {"email": ada.email, "username": "grace", "password1": PASSWORD}
    )
    message = the_mail()
    assert message.subject == "You have a MomentVerse account already"
    # Who asked is not known, so nobody's handle is told.
    assert "Hello,\n" in message.body
    assert link_in(message, "password/reset") == "/accounts/password/reset/"


def test_a_forgotten_password(ada, visitor):
    visitor.post("/accounts/password/reset/", {"email": ada.email})
    message = the_mail()
    assert message.subject == "Set a new MomentVerse password"
    assert "Hello @ada," in message.body
    mail.outbox.clear()
    form = visitor.get(link_in(message, "password/reset/key"), follow=True)
    address = form.redirect_chain[-1][0]
    visitor.post(address, {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})
    ada.refresh_from_db()
    assert ada.check_password(NEW_PASSWORD)
    assert the_mail().subject == "Your MomentVerse password was changed"


def test_a_forgotten_password_of_nobody(visitor):
    visitor.post("/accounts/password/reset/", {"email": "nobody@example.org"})
    message = the_mail("nobody@example.org")
    assert message.subject == "No MomentVerse account has this address"
    assert link_in(message, "signup") == "/accounts/signup/"


def test_who_asks_for_somebody_else_is_not_named(person):
    person.post("/accounts/password/reset/", {"email": "nobody@example.org"})
    assert "ada" not in the_mail("nobody@example.org").body


def test_a_changed_password(person):
    fields = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    assert person.post("/accounts/password/change/", fields).status_code == 302
    message = the_mail()
    assert message.subject == "Your MomentVerse password was changed"
    assert "Hello @ada," in message.body
    assert "from the network address 127.0.0.1, with Firefox on Linux." in message.body
    assert link_in(message, "password/reset") == "/accounts/password/reset/"


def test_a_first_password(ada, visitor):
    ada.set_unusable_password()
    ada.save()
    visitor.force_login(ada)
    fields = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    assert visitor.post("/accounts/password/set/", fields).status_code == 302
    assert the_mail().subject == "Your MomentVerse account has a password"


def test_a_new_address_is_told_to_both(person):
    person.post("/accounts/email/", {"action_add": "", "email": "ada@new.example"})
    message = the_mail("ada@new.example")
    assert message.subject == "Confirm your address for MomentVerse"
    assert [message.to for message in mail.outbox] == [["ada@new.example"]]
    mail.outbox.clear()
    person.post(link_in(message, "confirm-email"))
    assert sorted(message.to for message in mail.outbox) == [
        ["ada@example.org"],
        ["ada@new.example"],
    ]
    for address in ("ada@example.org", "ada@new.example"):
        message = the_mail(address)
        assert message.subject == "Your MomentVerse address was changed"
        assert "with ada@new.example, and no longer with ada@example.org" in message.body


def test_a_new_address_given_up(person):
    person.post("/accounts/email/", {"action_add": "", "email": "ada@new.example"})
    mail.outbox.clear()
    person.post("/accounts/email/", {"action_remove": "", "email": "ada@new.example"})
    message = the_mail()
    assert message.subject == "A new address was given up"
    assert "ada@new.example will not become" in message.body


@pytest.mark.django_db(transaction=True)
def test_a_second_factor_turned_on(person):
    secret = person.get("/accounts/2fa/totp/activate/").context["form"].secret
    response = person.post("/accounts/2fa/totp/activate/", {"code": code(secret)})
    assert response.status_code == 302
    assert the_mail().subject == "Your second factor is on"


def test_a_second_factor_turned_off(ada, person):
    turn_on_second_factor(ada)
    person.post("/accounts/2fa/totp/deactivate/")
    assert not Authenticator.objects.exists()
    assert the_mail().subject == "Your second factor is off"


@pytest.mark.django_db(transaction=True)
def test_new_recovery_codes(ada, person):
    turn_on_second_factor(ada)
    person.post("/accounts/2fa/recovery-codes/generate/")
    message = the_mail()
    assert message.subject == "You have new recovery codes"
    (codes,) = Authenticator.objects.filter(type=Authenticator.Type.RECOVERY_CODES)
    assert not any(code in message.body for code in codes.wrap().get_unused_codes())


@pytest.mark.parametrize(
    ("agent", "name"),
    [(FIREFOX, "Firefox on Linux"),
     ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
     ("Mozilla/5.0 (Linux; Android 15) Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
     ("Mozilla/5.0 (Macintosh; Intel Mac OS X 15_1) Version/18 Safari/605", "Safari on a Mac"),
     ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) Version/18 Safari/604", "Safari on an iPhone"),
     ("https://elsewhere.example/ click here", "a program that does not give its name"),
     ("", "a program that does not give its name")],
)  # fmt: skip
def test_a_browser_is_named_and_never_quoted(person, agent, name):
    """What a browser says of itself is anybody's text; quoted, it would put words into our mail."""
    fields = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    person.post("/accounts/password/change/", fields, headers={"user-agent": agent})
    assert f"with {name}." in the_mail().body


def test_an_address_is_quoted_and_never_linked(person):
    person.post("/accounts/email/", {"action_add": "", "email": "x@www.elsewhere.example"})
    mail.outbox.clear()
    person.post("/accounts/email/", {"action_remove": "", "email": "x@www.elsewhere.example"})
    (part,) = the_mail().alternatives
    assert Html(part.content).links == [f"{site_settings.SITE_URL}/accounts/password/reset/"] * 2


def test_only_an_address_of_ours_becomes_a_link():
    ours = f"{site_settings.SITE_URL}/accounts/"
    text = (
        f"Hello,\n\nGo on:\n{ours}\n\nGo on:\n{site_settings.SITE_URL}.elsewhere.example/\n\n{ours}"
    )
    assert split_paragraphs(text) == [
        Paragraph("Hello,"),
        Paragraph("Go on", ours),
        Paragraph(f"Go on:\n{site_settings.SITE_URL}.elsewhere.example/"),
        Paragraph("", ours),
    ]


def test_how_long_links_work_is_true():
    """The mails and the pages say three days."""
    assert account_settings.EMAIL_CONFIRMATION_EXPIRE_DAYS == 3
    assert site_settings.PASSWORD_RESET_TIMEOUT == 3 * 24 * 3600


def test_the_app_is_told_the_sites_name(ada):
    assert get_adapter().get_totp_issuer() == "MomentVerse"
