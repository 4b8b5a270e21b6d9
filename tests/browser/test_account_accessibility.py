"""The pages of an account: axe in both themes, layout at narrow widths, size of touch targets."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_accessibility import find_violations
from tests.browser.test_layout import OVERFLOWS

SCHEMES = pytest.mark.parametrize("scheme", ["dark", "light"])
# Creates four users, each with a session in which the password was just given. Prints these sessions and
# the keys of two mailed links.
CREATE_USERS = """
import json, time
from importlib import import_module
from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from accounts.models import User
sessions = {}
for handle, password in (("plain", True), ("guarded", True), ("fresh", True), ("unset", False)):
    user = User.objects.create_user(
        f"{handle}@example.org", handle, "a perfectly long passphrase" if password else None)
    user.mark_email_verified()
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    # An hour ahead, so that it is still fresh at the end of a slow run.
    session["account_authentication_methods"] = [
        {"method": "password", "at": time.time() + 3600, "reauthenticated": True}]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()
    for key in (session.session_key, "x" * 32 + handle):
        UserSession.objects.create(user=user, session_key=key, ip="2001:db8::1", user_agent="Firefox/140.0")
    sessions[handle] = session.session_key
plain, guarded = (User.objects.get(handle=handle) for handle in ("plain", "guarded"))
waiting = EmailAddress.objects.create(
    user=plain, email="a-rather-long-address-of-somebody@a-rather-long-domain.example")
TOTP.activate(guarded, generate_totp_secret())
RecoveryCodes.activate(guarded)
print(json.dumps({
    "sessions": sessions,
    "confirm": EmailConfirmationHMAC(waiting).key,
    "reset": f"{user_pk_to_url_str(plain)}-{default_token_generator.make_token(plain)}",
}))
"""
# The user who is signed in, if any, and the path. Names in braces are keys of what CREATE_USERS prints.
PAGES = {
    "delete": ("plain", "/accounts/delete/"),
    "export": ("plain", "/accounts/export/"),
    "sign in": ("", "/accounts/login/"),
    "sign up": ("", "/accounts/signup/"),
    "verification sent": ("", "/accounts/confirm-email/"),
    "confirm an address": ("", "/accounts/confirm-email/{confirm}/"),
    "confirm with a bad link": ("", "/accounts/confirm-email/nonsense/"),
    "reset": ("", "/accounts/password/reset/"),
    "reset mailed": ("", "/accounts/password/reset/done/"),
    "reset by a link": ("", "/accounts/password/reset/key/{reset}/"),
    "reset by a bad link": ("", "/accounts/password/reset/key/1-nonsense/"),
    "reset done": ("", "/accounts/password/reset/key/done/"),
    "inactive": ("", "/accounts/inactive/"),
    "account": ("plain", "/accounts/"),
    "profile": ("plain", "/accounts/profile/"),
    "address": ("plain", "/accounts/email/"),
    "password": ("plain", "/accounts/password/change/"),
    "first password": ("unset", "/accounts/password/set/"),
    "second factor off": ("plain", "/accounts/2fa/"),
    "second factor turned on": ("guarded", "/accounts/2fa/"),
    "turn on": ("fresh", "/accounts/2fa/totp/activate/"),
    "turn off": ("guarded", "/accounts/2fa/totp/deactivate/"),
    "recovery codes": ("guarded", "/accounts/2fa/recovery-codes/"),
    "new recovery codes": ("guarded", "/accounts/2fa/recovery-codes/generate/"),
    "sessions": ("plain", "/accounts/sessions/"),
    "sign out": ("plain", "/accounts/logout/"),
    "once more by password": ("guarded", "/accounts/reauthenticate/"),
    "once more by code": ("guarded", "/accounts/2fa/reauthenticate/"),
}


@pytest.fixture(scope="session")
def users(site):
    return json.loads(site.manage("shell", script=CREATE_USERS).splitlines()[-1])


@pytest.fixture
def visit(new_page, users, site):
    """Return a function that opens one of ``PAGES``."""

    def open_page(name: str, **options) -> Page:
        page = new_page(**options)
        handle, path = PAGES[name]
        if handle:
            cookie = {"name": "session", "value": users["sessions"][handle], "url": site.url}
            page.context.add_cookies([cookie])
        address = path.format(**users)
        page.goto(address)
        if "{reset}" not in path:
            assert page.url == site.url + address, "redirected to another page"
        return page

    return open_page


def fail_to_sign_in(page: Page) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("E-mail address").fill("nobody-at-all@example.org")
    page.get_by_label("Password").fill("wrong wrong wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#form-errors")).to_be_visible()


def fail_to_sign_up(page: Page) -> None:
    page.goto("/accounts/signup/")
    page.get_by_label("E-mail address").fill("newcomer@example.org")
    page.get_by_label("Handle").fill("admin")
    page.get_by_label("Password").fill("too short")
    page.get_by_role("button", name="Make my account").click()
    expect(page.locator(".errorlist").first).to_be_visible()


def reach_second_factor_form(page: Page) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("E-mail address").fill("guarded@example.org")
    page.get_by_label("Password").fill("a perfectly long passphrase")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("h1")).to_have_text("Your second factor")


STATES = [fail_to_sign_in, fail_to_sign_up, reach_second_factor_form]


@SCHEMES
@pytest.mark.parametrize("name", PAGES)
def test_it_works(visit, name, scheme):
    page = visit(name, color_scheme=scheme)
    assert page.locator("h1").count() == 1
    assert page.title().endswith(" · MomentVerse")
    assert find_violations(page) == []
    for field in page.locator("main :is(input:not([type=hidden]), select, textarea)").all():
        assert field.evaluate("element => element.labels.length") == 1
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(element => element.id)")
    assert len(ids) == len(set(ids))
    descriptions = page.evaluate(
        """() => [...document.querySelectorAll("[aria-describedby]")]
             .flatMap(element => element.getAttribute("aria-describedby").trim().split(/\\s+/))"""
    )
    assert set(descriptions) <= set(ids)


@pytest.mark.parametrize("name", PAGES)
def test_page_fits_320_px_and_its_targets_are_large_enough(visit, name):
    """320 px is also a 1280 px window at 400 % zoom; 24 px is WCAG 2.2, 2.5.8."""
    page = visit(name, viewport={"width": 320, "height": 640}, has_touch=True, is_mobile=True)
    assert not page.evaluate(OVERFLOWS)
    small = page.evaluate(
        """() => [...document.querySelectorAll(
             "main button, main input, main select, main textarea, .breadcrumbs a, .actions a, .link-list a")]
             .filter(element => element.type !== "hidden")
             .filter(element => element.getBoundingClientRect().height < 24)
             .map(element => element.outerHTML)"""
    )
    assert small == []


@SCHEMES
@pytest.mark.parametrize("reach_state", STATES)
def test_form_states_are_accessible(new_page, users, reach_state, scheme):
    page = new_page(color_scheme=scheme, viewport={"width": 320, "height": 640})
    reach_state(page)
    assert find_violations(page) == []
    assert not page.evaluate(OVERFLOWS)
