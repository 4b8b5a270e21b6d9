"""Every account mail: its text, its recipients, and where its links lead."""

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
# The site accepts this host, but it is not the one in SITE_URL.
OTHER_HOST = "localhost:8999"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
# All mails that can be sent with the settings as they are.
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
def _show_missing_variables_and_reset_limits(settings):
    settings.TEMPLATES = copy.deepcopy(settings.TEMPLATES)
    settings.TEMPLATES[0]["OPTIONS"]["string_if_invalid"] = "BROKEN"
    caches["throttle"].clear()


@pytest.fixture
def visitor() -> Client:
    """A visitor whose requests have another Host header than the site's own."""
    return Client(headers={"host": OTHER_HOST, "user-agent": FIREFOX})


@pytest.fixture
def ada_client(ada, visitor) -> Client:
    """The client of Ada, who has just logged in."""
    visitor.post("/accounts/login/", {"login": ada.email, "password": PASSWORD})
    # After this, no page asks for the password again.
    visitor.post("/accounts/reauthenticate/", {"password": PASSWORD})
    mail.outbox.clear()
    return visitor


class HtmlPart(HTMLParser):
    """The links, the text and the tags with remote content of a mail's HTML part."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.text = ""
        self.remote_tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        fields = dict(attrs)
        if tag == "a":
            self.links.append(fields["href"])
        if tag in ("img", "link", "script", "iframe", "form") or "src" in fields:
            self.remote_tags.append(self.get_starttag_text())

    def handle_data(self, data):
        self.text += data


def get_mail(to: str = "ada@example.org") -> mail.EmailMultiAlternatives:
    """Return the only mail sent to ``to``, after checking what all mails have in common."""
    (message,) = [message for message in mail.outbox if message.to == [to]]
    subject, body = message.subject, str(message.body)
    assert subject == subject.strip()
    assert len(subject.splitlines()) == 1
    (part,) = message.alternatives
    assert part.mimetype == "text/html"
    html = HtmlPart(part.content)
    addresses = re.findall(r"https?://\S+", body + part.content.replace("<", " "))
    assert all(address.startswith(site_settings.SITE_URL) for address in addresses)
    assert all(link.startswith(f"{site_settings.SITE_URL}/") for link in html.links)
    assert html.remote_tags == []
    for text in (subject, body, part.content):
        assert not re.search(r"BROKEN|\{[{%#]|None|localhost|testserver|&amp;|&#", text)
    assert body.startswith("Hello")
    assert body.endswith(f"\n\nMomentVerse, {site_settings.SITE_URL}\n")
    assert "\n\n\n" not in body
    for paragraph in split_paragraphs(body):
        for line in paragraph.text.splitlines():
            assert line in html.text
    assert message.extra_headers["Auto-Submitted"] == "auto-generated"
    # Raises an error if a header is invalid.
    message.message().as_bytes()
    return message


def current_totp_code(secret: str) -> str:
    """Return the code that an authenticator app shows now."""
    *_, now, _next = yield_hotp_counters_from_time()
    return format_hotp_value(hotp_value(secret, now))


def turn_on_second_factor(user: User) -> None:
    TOTP.activate(user, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")


def test_it_works(visitor):
    """A sign-up sends a link that confirms the address."""
    visitor.post(
        "/accounts/signup/",
        {"email": "grace@example.org", "username": "grace", "password1": PASSWORD},
    )
    message = get_mail("grace@example.org")
    assert message.subject == "Confirm your address for MomentVerse"
    assert "Hello @grace," in message.body
    visitor.post(link_in(message, "confirm-email"))
    assert visitor.get("/accounts/").status_code == 200


@pytest.mark.parametrize("prefix", MAILS)
@pytest.mark.parametrize("part", ["subject", "message"])
def test_mail_uses_our_template(prefix, part):
    origin = Path(get_template(f"{prefix}_{part}.txt").origin.name)
    assert origin.is_relative_to(site_settings.BASE_DIR / "templates")


def test_signup_with_a_registered_address(ada, visitor):
    visitor.post(
        "/accounts/signup/", {"email": ada.email, "username": "grace", "password1": PASSWORD}
    )
    message = get_mail()
    assert message.subject == "You have a MomentVerse account already"
    # The sender of the form is unknown, so the mail names no handle.
    assert "Hello,\n" in message.body
    assert link_in(message, "password/reset") == "/accounts/password/reset/"


def test_password_reset(ada, visitor):
    visitor.post("/accounts/password/reset/", {"email": ada.email})
    message = get_mail()
    assert message.subject == "Set a new MomentVerse password"
    assert "Hello @ada," in message.body
    mail.outbox.clear()
    form = visitor.get(link_in(message, "password/reset/key"), follow=True)
    address = form.redirect_chain[-1][0]
    visitor.post(address, {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD})
    ada.refresh_from_db()
    assert ada.check_password(NEW_PASSWORD)
    assert get_mail().subject == "Your MomentVerse password was changed"


def test_password_reset_of_an_unknown_address(visitor):
    visitor.post("/accounts/password/reset/", {"email": "nobody@example.org"})
    message = get_mail("nobody@example.org")
    assert message.subject == "No MomentVerse account has this address"
    assert link_in(message, "signup") == "/accounts/signup/"


def test_password_reset_does_not_name_the_requester(ada_client):
    ada_client.post("/accounts/password/reset/", {"email": "nobody@example.org"})
    assert "ada" not in get_mail("nobody@example.org").body


def test_password_change(ada_client):
    fields = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    assert ada_client.post("/accounts/password/change/", fields).status_code == 302
    message = get_mail()
    assert message.subject == "Your MomentVerse password was changed"
    assert "Hello @ada," in message.body
    assert "from the network address 127.0.0.1, with Firefox on Linux." in message.body
    assert link_in(message, "password/reset") == "/accounts/password/reset/"


def test_first_password(ada, visitor):
    ada.set_unusable_password()
    ada.save()
    visitor.force_login(ada)
    fields = {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    assert visitor.post("/accounts/password/set/", fields).status_code == 302
    assert get_mail().subject == "Your MomentVerse account has a password"


def test_change_of_address_is_sent_to_both_addresses(ada_client):
    ada_client.post("/accounts/email/", {"action_add": "", "email": "ada@new.example"})
    message = get_mail("ada@new.example")
    assert message.subject == "Confirm your address for MomentVerse"
    assert [message.to for message in mail.outbox] == [["ada@new.example"]]
    mail.outbox.clear()
    ada_client.post(link_in(message, "confirm-email"))
    assert sorted(message.to for message in mail.outbox) == [
        ["ada@example.org"],
        ["ada@new.example"],
    ]
    for address in ("ada@example.org", "ada@new.example"):
        message = get_mail(address)
        assert message.subject == "Your MomentVerse address was changed"
        assert "with ada@new.example, and no longer with ada@example.org" in message.body


def test_cancelled_change_of_address(ada_client):
    ada_client.post("/accounts/email/", {"action_add": "", "email": "ada@new.example"})
    mail.outbox.clear()
    ada_client.post("/accounts/email/", {"action_remove": "", "email": "ada@new.example"})
    message = get_mail()
    assert message.subject == "A new address was given up"
    assert "ada@new.example will not become" in message.body


@pytest.mark.django_db(transaction=True)
def test_second_factor_turned_on(ada_client):
    secret = ada_client.get("/accounts/2fa/totp/activate/").context["form"].secret
    response = ada_client.post("/accounts/2fa/totp/activate/", {"code": current_totp_code(secret)})
    assert response.status_code == 302
    assert get_mail().subject == "Your second factor is on"


def test_second_factor_turned_off(ada, ada_client):
    turn_on_second_factor(ada)
    ada_client.post("/accounts/2fa/totp/deactivate/")
    assert not Authenticator.objects.exists()
    assert get_mail().subject == "Your second factor is off"


@pytest.mark.django_db(transaction=True)
def test_new_recovery_codes(ada, ada_client):
    turn_on_second_factor(ada)
    ada_client.post("/accounts/2fa/recovery-codes/generate/")
    message = get_mail()
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
def test_browser_is_named_but_not_quoted(ada_client, agent, name):
    """The User-Agent header can be any text. If it were quoted, anybody could put text into our mail."""
    fields = {"oldpassword": PASSWORD, "password1": NEW_PASSWORD, "password2": NEW_PASSWORD}
    ada_client.post("/accounts/password/change/", fields, headers={"user-agent": agent})
    assert f"with {name}." in get_mail().body


def test_quoted_address_is_not_linked(ada_client):
    ada_client.post("/accounts/email/", {"action_add": "", "email": "x@www.elsewhere.example"})
    mail.outbox.clear()
    ada_client.post("/accounts/email/", {"action_remove": "", "email": "x@www.elsewhere.example"})
    (part,) = get_mail().alternatives
    assert (
        HtmlPart(part.content).links == [f"{site_settings.SITE_URL}/accounts/password/reset/"] * 2
    )


def test_only_urls_of_this_site_become_links():
    url = f"{site_settings.SITE_URL}/accounts/"
    text = (
        f"Hello,\n\nGo on:\n{url}\n\nGo on:\n{site_settings.SITE_URL}.elsewhere.example/\n\n{url}"
    )
    assert split_paragraphs(text) == [
        Paragraph("Hello,"),
        Paragraph("Go on", url),
        Paragraph(f"Go on:\n{site_settings.SITE_URL}.elsewhere.example/"),
        Paragraph("", url),
    ]


def test_stated_lifetime_of_links_is_correct():
    """The mails and the pages state three days."""
    assert account_settings.EMAIL_CONFIRMATION_EXPIRE_DAYS == 3
    assert site_settings.PASSWORD_RESET_TIMEOUT == 3 * 24 * 3600


def test_authenticator_app_gets_the_site_name(ada):
    assert get_adapter().get_totp_issuer() == "MomentVerse"
