"""Liking, searching and reporting in a browser, with scripts and without."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import PAGES
from tests.browser.test_accessibility import find_violations

PASSWORD = "a perfectly long passphrase"
CREATE_USER = """
from accounts.models import User
user = User.objects.filter(handle="{handle}").first()
user = user or User.objects.create_user("{handle}@example.org", "{handle}", "{password}")
user.mark_email_verified()
"""


@pytest.fixture
def signed_in(site, new_page):
    """Return a function that creates a user if necessary, signs the user in and returns the page."""

    def open_page(handle: str, **options) -> Page:
        site.manage("shell", script=CREATE_USER.format(handle=handle, password=PASSWORD))
        page = new_page(**options)
        page.goto("/accounts/login/")
        page.get_by_label("E-mail").fill(f"{handle}@example.org")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.locator("main form").get_by_role("button").click()
        expect(page).to_have_url(re.compile("/accounts/$"))
        return page

    return open_page


def open_first_moment(page: Page) -> None:
    page.goto(PAGES["day"])
    page.locator(".moment a").first.click()
    page.wait_for_url(
        "**/moments/**"
    )  # until the page's scripts have run, Enter would submit the form


@pytest.mark.parametrize("scripts", [True, False])
def test_it_works(signed_in, scripts):
    page = signed_in(f"liker-{int(scripts)}", java_script_enabled=scripts)
    open_first_moment(page)
    count = page.locator("[data-likes]")
    before = int(count.inner_text())
    button = page.get_by_role("button", name="Like")
    button.click()
    expect(count).to_have_text(str(before + 1))
    expect(button).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(count).to_have_text(str(before + 1))
    button.click()
    expect(count).to_have_text(str(before))
    expect(button).to_have_attribute("aria-pressed", "false")


def test_like_button_keeps_the_focus(signed_in):
    page = signed_in("liker-keys")
    open_first_moment(page)
    button = page.get_by_role("button", name="Like")
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(button).to_be_focused()
    assert find_violations(page) == []


def test_visitor_is_sent_to_sign_in_and_back(page):
    open_first_moment(page)
    address = page.url
    page.get_by_role("link", name="Sign in to like it").click()
    expect(page).to_have_url(re.compile(r"/accounts/login/\?next="))
    assert re.sub(r"^https?://[^/]+", "", address) in page.url


@pytest.mark.parametrize("scripts", [True, False])
def test_search_finds_a_moment_by_phrase(new_page, scripts):
    page = new_page(java_script_enabled=scripts)
    page.goto("/search/")
    page.get_by_label("Words").fill('"flight note 7"')
    page.get_by_role("button", name="Search").click()
    expect(page.locator("mark").first).to_be_visible()
    assert find_violations(page) == [] if scripts else True
    page.locator(".moment a").first.click()
    expect(page.locator("h1")).to_have_text("Flight note 7")


def test_search_without_positive_terms_focuses_its_field(page, browser_errors):
    page.goto("/search/?q=-moon")
    browser_errors.clear()  # a browser reports the 400 itself
    expect(page.get_by_label("Words")).to_be_focused()
    assert find_violations(page) == []


@pytest.mark.parametrize("scripts", [True, False])
def test_moment_is_reported(new_page, scripts):
    page = new_page(java_script_enabled=scripts)
    open_first_moment(page)
    page.get_by_role("link", name="Report this moment").click()
    if scripts:
        assert find_violations(page) == []
    page.get_by_label("It advertises, or means nothing").check()
    page.get_by_role("button", name="Send it").click()
    expect(page.locator("h1")).to_have_text("Thank you")
