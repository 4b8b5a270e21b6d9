"""Whole journeys through one's own account, with scripts and without."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import struct
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.servers import wait_until

PASSWORD = "a perfectly long passphrase"
NEW_PASSWORD = "another perfectly long one"
SCRIPTS = pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
# Run by the site's own Python.
MAKE_PERSON = """
from accounts.models import User
User.objects.create_user("{handle}@example.org", "{handle}", "{password}").mark_email_verified()
"""


@pytest.fixture
def make_person(site):
    """Return a function that makes a person with a verified address, and returns the address."""

    def make(handle: str) -> str:
        site.manage("shell", script=MAKE_PERSON.format(handle=handle, password=PASSWORD))
        return f"{handle}@example.org"

    return make


def sign_in(page: Page, address: str, password: str = PASSWORD) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("E-mail address").fill(address)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def sign_out(page: Page) -> None:
    page.goto("/accounts/")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_have_text("You are signed out.")


def prove(page: Page, password: str = PASSWORD) -> None:
    """Give the password once more."""
    expect(page.locator("h1")).to_have_text("Is it you?")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Go on").click()


def code(key: str) -> str:
    """Return what an authenticator with this key shows (RFC 6238), when it goes on showing it a while."""
    wait_until(lambda: time.time() % 30 < 25, "a new code is shown")
    counter = struct.pack(">Q", int(time.time()) // 30)
    digest = hmac.new(base64.b32decode(key), counter, hashlib.sha1).digest()
    start = digest[-1] & 15
    (number,) = struct.unpack(">I", digest[start : start + 4])
    return f"{(number & 0x7FFFFFFF) % 10**6:06}"


@SCRIPTS
def test_it_works(new_page, link_mailed_to, scripts):
    page = new_page(java_script_enabled=scripts)
    handle = f"grace-{'with' if scripts else 'without'}"
    address = f"{handle}@example.org"
    page.goto("/accounts/login/")
    page.get_by_role("link", name="Make an account").click()
    page.get_by_label("E-mail address").fill(address)
    page.get_by_label("Handle").fill(handle)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make my account").click()
    expect(page.locator("h1")).to_have_text("Look into your mailbox")
    page.goto(link_mailed_to(address))
    page.get_by_role("button", name="Yes, it is mine").click()
    expect(page.locator("h1")).to_have_text("Your account")
    expect(page.get_by_role("status")).to_have_text(f"{address} is confirmed.")

    page.get_by_role("link", name="Profile").click()
    page.get_by_label("Name").fill("Grace")
    page.get_by_label("About you").fill("I count in nanoseconds.")
    page.get_by_label("Time zone").select_option("America/New_York")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Your profile is saved.")
    page.get_by_role("link", name="Profile").click()
    expect(page.get_by_label("Name")).to_have_value("Grace")
    expect(page.get_by_label("About you")).to_have_value("I count in nanoseconds.")
    expect(page.get_by_label("Time zone")).to_have_value("America/New_York")

    sign_out(page)
    sign_in(page, address)
    expect(page.locator("h1")).to_have_text("Your account")


@SCRIPTS
def test_a_wrong_password_is_said_at_its_field(new_page, make_person, scripts):
    page = new_page(java_script_enabled=scripts)
    sign_in(page, "nobody@example.org", "wrong wrong wrong")
    said = "This address and this password do not belong together."
    for label in ("E-mail address", "Password"):
        expect(page.get_by_label(label)).to_have_accessible_description(said)
        expect(page.get_by_label(label)).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#form-errors")).to_be_focused()
    expect(page).to_have_title("Not yet: Sign in · MomentVerse")
    # What was typed stays, but for the password.
    expect(page.get_by_label("E-mail address")).to_have_value("nobody@example.org")
    expect(page.get_by_label("Password")).to_have_value("")


@SCRIPTS
def test_several_mistakes_are_listed_and_lead_to_their_fields(new_page, scripts):
    page = new_page(java_script_enabled=scripts)
    page.goto("/accounts/signup/")
    page.get_by_label("E-mail address").fill("several@example.org")
    page.get_by_label("Handle").fill("admin")
    page.get_by_label("Password").fill("too short")
    page.get_by_role("button", name="Make my account").click()
    problems = page.locator("#form-errors")
    expect(problems).to_be_focused()
    expect(problems.get_by_role("listitem")).to_have_text(
        [re.compile("^Handle: .* reserved"), re.compile("^Password: .* 12 characters")]
    )
    expect(page.get_by_label("E-mail address")).not_to_have_attribute("aria-invalid", "true")
    handle = page.get_by_label("Handle")
    expect(handle).to_have_accessible_description(re.compile("Your public name.* reserved"))
    problems.get_by_role("link", name="Handle").click()
    expect(page).to_have_url(re.compile("#id_username$"))


@SCRIPTS
def test_one_mistake_is_where_the_cursor_is(new_page, scripts):
    page = new_page(java_script_enabled=scripts)
    page.goto("/accounts/signup/")
    page.get_by_label("E-mail address").fill("single@example.org")
    page.get_by_label("Handle").fill("curious")
    page.get_by_label("Password").fill("too short")
    page.get_by_role("button", name="Make my account").click()
    expect(page.get_by_label("Password")).to_be_focused()
    expect(page.get_by_label("Password")).to_have_accessible_description(
        re.compile("12 characters or more.*too short")
    )
    expect(page.locator("#form-errors")).to_have_count(0)


@SCRIPTS
def test_a_forgotten_password(new_page, make_person, link_mailed_to, scripts):
    page = new_page(java_script_enabled=scripts)
    address = make_person(f"forgetful-{'with' if scripts else 'without'}")
    page.goto("/accounts/login/")
    page.get_by_role("link", name="I do not know my password").click()
    page.get_by_label("E-mail address").fill(address)
    page.get_by_role("button", name="Send me the link").click()
    expect(page.locator("h1")).to_have_text("Look into your mailbox")
    link = link_mailed_to(address)
    page.goto(link)
    # The key is out of the address before anything else is loaded.
    expect(page).to_have_url(re.compile("-set-password/$"))
    expect(page.get_by_label("Account")).to_have_value(address)
    page.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    page.get_by_label("New password, once more").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Set my password").click()
    page.get_by_role("link", name="Sign in").click()
    sign_in(page, address, NEW_PASSWORD)
    expect(page.locator("h1")).to_have_text("Your account")
    page.goto(link)
    expect(page.locator("h1")).to_have_text("This link does not work")


@SCRIPTS
def test_a_second_factor(new_page, make_person, scripts):
    page = new_page(java_script_enabled=scripts)
    address = make_person(f"careful-{'with' if scripts else 'without'}")
    sign_in(page, address)
    page.get_by_role("link", name="Second factor").click()
    page.get_by_role("link", name="Turn it on").click()
    prove(page)
    picture = page.get_by_role("img", name="QR code")
    expect(picture).to_have_attribute("src", re.compile("^data:image/svg"))
    assert picture.bounding_box()["height"] > 200
    key = page.locator(".totp-secret").text_content()
    page.get_by_label("Code").fill("12345")
    page.get_by_role("button", name="Turn it on").click()
    expect(page.get_by_label("Code")).to_have_attribute("aria-invalid", "true")
    assert page.locator(".totp-secret").text_content() == key
    page.get_by_label("Code").fill(code(key))
    page.get_by_role("button", name="Turn it on").click()
    expect(page.locator("h1")).to_have_text("Recovery codes")
    recovery_codes = page.locator(".recovery-codes li").all_text_contents()
    assert len(set(recovery_codes)) == 10
    with page.expect_download() as download:
        page.get_by_role("link", name="Download them as text").click()
    text = Path(download.value.path()).read_text()
    assert all(code in text for code in recovery_codes)

    for second in (code(key), recovery_codes[0]):
        sign_out(page)
        sign_in(page, address)
        expect(page.locator("h1")).to_have_text("Your second factor")
        page.get_by_label("Code").fill(second)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator("h1")).to_have_text("Your account")

    # It cannot be used again.
    sign_out(page)
    sign_in(page, address)
    page.get_by_label("Code").fill(recovery_codes[0])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_label("Code")).to_have_accessible_description(re.compile("Incorrect code"))
    page.get_by_role("button", name="Begin again").click()
    expect(page.locator("h1")).to_have_text("Sign in")


@SCRIPTS
def test_signing_out_elsewhere(new_page, make_person, scripts):
    address = make_person(f"travelling-{'with' if scripts else 'without'}")
    here, elsewhere = (new_page(java_script_enabled=scripts) for _ in range(2))
    for page in (here, elsewhere):
        sign_in(page, address)
        expect(page.locator("h1")).to_have_text("Your account")
    here.get_by_role("link", name="Sessions").click()
    sessions = here.locator(".sessions li")
    expect(sessions).to_have_count(2)
    expect(sessions.filter(has_text="this browser")).to_have_count(1)
    here.get_by_role("button", name="Sign out everywhere else").click()
    expect(here.get_by_role("status")).to_have_text("Everywhere else you are signed out.")
    expect(sessions).to_have_count(1)
    elsewhere.goto("/accounts/")
    expect(elsewhere.locator("h1")).to_have_text("Sign in")
    here.goto("/accounts/")
    expect(here.locator("h1")).to_have_text("Your account")


@SCRIPTS
def test_a_new_address(new_page, make_person, link_mailed_to, scripts):
    page = new_page(java_script_enabled=scripts)
    handle = f"moving-{'with' if scripts else 'without'}"
    address, new_address = make_person(handle), f"{handle}@new.example"
    sign_in(page, address)
    page.get_by_role("link", name="E-mail address").click()
    page.get_by_label("New e-mail address").fill(new_address)
    page.get_by_role("button", name="Change my address").click()
    prove(page)
    expect(page.get_by_role("heading", level=2).first).to_have_text(
        f"{new_address} waits to be confirmed"
    )
    page.goto(link_mailed_to(new_address))
    page.get_by_role("button", name="Yes, it is mine").click()
    expect(page.locator(".lead")).to_contain_text(f"signed in as {new_address}")
    sign_out(page)
    sign_in(page, new_address)
    expect(page.locator("h1")).to_have_text("Your account")


def test_a_changed_password_ends_the_other_sessions(new_page, make_person):
    address = make_person("cautious")
    here, elsewhere = new_page(), new_page()
    for page in (here, elsewhere):
        sign_in(page, address)
        expect(page.locator("h1")).to_have_text("Your account")
    here.get_by_role("link", name="Password").click()
    here.get_by_label("Current password").fill(PASSWORD)
    here.get_by_label("New password", exact=True).fill(NEW_PASSWORD)
    here.get_by_label("New password, once more").fill(NEW_PASSWORD)
    here.get_by_role("button", name="Change my password").click()
    expect(here.get_by_role("status")).to_have_text("Your new password is set.")
    elsewhere.goto("/accounts/")
    expect(elsewhere.locator("h1")).to_have_text("Sign in")


@pytest.mark.parametrize(
    ("address", "fields"),
    [("/accounts/login/", {"E-mail address": "username", "Password": "current-password"}),
     ("/accounts/signup/",
      {"E-mail address": "username", "Handle": "nickname", "Password": "new-password"}),
     ("/accounts/password/reset/", {"E-mail address": "email"})],
)  # fmt: skip
def test_password_managers_know_their_way(page, address, fields):
    """And a paste is a paste: nothing on the page could stop it, for it has no script."""
    page.goto(address)
    for label, autocomplete in fields.items():
        expect(page.get_by_label(label)).to_have_attribute("autocomplete", autocomplete)
        # Browsers capitalize neither addresses nor passwords; a handle has to be kept from it.
        if page.get_by_label(label).get_attribute("type") == "text":
            expect(page.get_by_label(label)).to_have_attribute("autocapitalize", "none")
    assert page.locator("script, [onpaste], [readonly]").count() == 0
