"""Complete procedures of a person's account, with scripts and without."""

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
# Run by `manage.py shell` on the site's database.
CREATE_USER = """
from accounts.models import User
User.objects.create_user("{handle}@example.org", "{handle}", "{password}").mark_email_verified()
"""


@pytest.fixture
def create_user(site):
    """Return a function that creates a user with a verified address, and returns the address."""

    def create(handle: str) -> str:
        site.manage("shell", script=CREATE_USER.format(handle=handle, password=PASSWORD))
        return f"{handle}@example.org"

    return create


def sign_in(page: Page, address: str, password: str = PASSWORD) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("E-mail address").fill(address)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def sign_out(page: Page) -> None:
    page.goto("/accounts/")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("status")).to_have_text("You are signed out.")


def reauthenticate(page: Page, password: str = PASSWORD) -> None:
    """Enter the password again on the page that requires it."""
    expect(page.locator("h1")).to_have_text("Is it you?")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Go on").click()


def get_totp_code(key: str) -> str:
    """Return the code of an authenticator app with this key (RFC 6238), valid for 5 more seconds.

    Waits for the next code if the current one expires sooner.
    """
    wait_until(lambda: time.time() % 30 < 25, "the next code is valid")
    counter = struct.pack(">Q", int(time.time()) // 30)
    digest = hmac.new(base64.b32decode(key), counter, hashlib.sha1).digest()
    start = digest[-1] & 15
    (number,) = struct.unpack(">I", digest[start : start + 4])
    return f"{(number & 0x7FFFFFFF) % 10**6:06}"


@SCRIPTS
def test_it_works(new_page, get_mailed_link, scripts):
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
    page.goto(get_mailed_link(address))
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
def test_wrong_password_is_reported_at_the_fields(new_page, create_user, scripts):
    page = new_page(java_script_enabled=scripts)
    sign_in(page, "nobody@example.org", "wrong wrong wrong")
    message = "This address and this password do not belong together."
    for label in ("E-mail address", "Password"):
        expect(page.get_by_label(label)).to_have_accessible_description(message)
        expect(page.get_by_label(label)).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#form-errors")).to_be_focused()
    expect(page).to_have_title("Not yet: Sign in · MomentVerse")
    # The form keeps the input, except for the password.
    expect(page.get_by_label("E-mail address")).to_have_value("nobody@example.org")
    expect(page.get_by_label("Password")).to_have_value("")


@SCRIPTS
def test_several_errors_are_listed_with_links_to_their_fields(new_page, scripts):
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
def test_field_with_the_only_error_is_focused(new_page, scripts):
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
def test_forgotten_password_is_reset(new_page, create_user, get_mailed_link, scripts):
    page = new_page(java_script_enabled=scripts)
    address = create_user(f"forgetful-{'with' if scripts else 'without'}")
    page.goto("/accounts/login/")
    page.get_by_role("link", name="I do not know my password").click()
    page.get_by_label("E-mail address").fill(address)
    page.get_by_role("button", name="Send me the link").click()
    expect(page.locator("h1")).to_have_text("Look into your mailbox")
    link = get_mailed_link(address)
    page.goto(link)
    # A redirect removes the key from the address before the page loads anything.
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
def test_second_factor_is_turned_on_and_required(new_page, create_user, scripts):
    page = new_page(java_script_enabled=scripts)
    address = create_user(f"careful-{'with' if scripts else 'without'}")
    sign_in(page, address)
    page.get_by_role("link", name="Second factor").click()
    page.get_by_role("link", name="Turn it on").click()
    reauthenticate(page)
    qr_code = page.get_by_role("img", name="QR code")
    expect(qr_code).to_have_attribute("src", re.compile("^data:image/svg"))
    assert qr_code.bounding_box()["height"] > 200
    key = page.locator(".totp-secret").text_content()
    page.get_by_label("Code").fill("12345")
    page.get_by_role("button", name="Turn it on").click()
    expect(page.get_by_label("Code")).to_have_attribute("aria-invalid", "true")
    assert page.locator(".totp-secret").text_content() == key
    page.get_by_label("Code").fill(get_totp_code(key))
    page.get_by_role("button", name="Turn it on").click()
    expect(page.locator("h1")).to_have_text("Recovery codes")
    recovery_codes = page.locator(".recovery-codes li").all_text_contents()
    assert len(set(recovery_codes)) == 10
    with page.expect_download() as download:
        page.get_by_role("link", name="Download them as text").click()
    text = Path(download.value.path()).read_text()
    assert all(code in text for code in recovery_codes)

    for second in (get_totp_code(key), recovery_codes[0]):
        sign_out(page)
        sign_in(page, address)
        expect(page.locator("h1")).to_have_text("Your second factor")
        page.get_by_label("Code").fill(second)
        page.get_by_role("button", name="Sign in").click()
        expect(page.locator("h1")).to_have_text("Your account")

    # A recovery code cannot be used twice.
    sign_out(page)
    sign_in(page, address)
    page.get_by_label("Code").fill(recovery_codes[0])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_label("Code")).to_have_accessible_description(re.compile("Incorrect code"))
    page.get_by_role("button", name="Begin again").click()
    expect(page.locator("h1")).to_have_text("Sign in")


@SCRIPTS
def test_other_sessions_are_signed_out(new_page, create_user, scripts):
    address = create_user(f"travelling-{'with' if scripts else 'without'}")
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
def test_email_address_is_changed(new_page, create_user, get_mailed_link, scripts):
    page = new_page(java_script_enabled=scripts)
    handle = f"moving-{'with' if scripts else 'without'}"
    address, new_address = create_user(handle), f"{handle}@new.example"
    sign_in(page, address)
    page.get_by_role("link", name="E-mail address").click()
    page.get_by_label("New e-mail address").fill(new_address)
    page.get_by_role("button", name="Change my address").click()
    reauthenticate(page)
    expect(page.get_by_role("heading", level=2).first).to_have_text(
        f"{new_address} waits to be confirmed"
    )
    page.goto(get_mailed_link(new_address))
    page.get_by_role("button", name="Yes, it is mine").click()
    expect(page.locator(".lead")).to_contain_text(f"signed in as {new_address}")
    sign_out(page)
    sign_in(page, new_address)
    expect(page.locator("h1")).to_have_text("Your account")


def test_changed_password_ends_other_sessions(new_page, create_user):
    address = create_user("cautious")
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
def test_fields_work_with_password_managers(page, address, fields):
    """Pasting works too: the page has no script that could prevent it."""
    page.goto(address)
    for label, autocomplete in fields.items():
        expect(page.get_by_label(label)).to_have_attribute("autocomplete", autocomplete)
        # Browsers capitalize text fields such as the handle, but not addresses and passwords.
        if page.get_by_label(label).get_attribute("type") == "text":
            expect(page.get_by_label(label)).to_have_attribute("autocapitalize", "none")
    assert page.locator("script, [onpaste], [readonly]").count() == 0
