"""Claiming a span, from its choice to the paid moment: with scripts, without, and by keyboard."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import press_enter_and_wait
from tests.browser.test_accessibility import find_violations
from tests.browser.test_layout import OVERFLOWS

PASSWORD = "a perfectly long passphrase"
SCRIPTS = pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
SCHEMES = pytest.mark.parametrize("scheme", ["dark", "light"])
CREATE_CLAIMANTS = """
from accounts.models import User
for handle in {handles!r}:
    User.objects.create_user(f"{{handle}}@example.org", handle, "{password}").mark_email_verified()
"""


@pytest.fixture(scope="session")
def claimants(site) -> dict[str, str]:
    """The addresses of users with verified addresses, by the purpose of each user."""
    handles = [
        "with-scripts",
        "without-scripts",
        "by-keyboard",
        "looking-dark",
        "looking-light",
        "late",
    ]
    site.manage("shell", script=CREATE_CLAIMANTS.format(handles=handles, password=PASSWORD))
    return {handle: f"{handle}@example.org" for handle in handles}


def choose(page: Page, date: str, time: str, zone: str, minutes: str = "5") -> None:
    page.goto("/claim/")
    page.get_by_label("Date").fill(date)
    page.get_by_label("Time").fill(time)
    page.get_by_label("By the clock of").fill(zone)
    page.get_by_label("Minutes").fill(minutes)
    page.get_by_role("button", name="See whether it is free").click()


def sign_in(page: Page, address: str) -> None:
    page.get_by_label("E-mail address").fill(address)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def press_hold(page: Page) -> None:
    page.locator("#offer").get_by_role("button", name="Hold it").first.click()


@SCRIPTS
def test_it_works(new_page, claimants, scripts):
    """Choose, sign in, describe, review, leave the payment page, pay, view the moment and edit it."""
    page = new_page(java_script_enabled=scripts)
    choose(page, "2031-05-10" if scripts else "2031-05-11", "10:00:00", "Berlin", "90")
    expect(page.locator("#offer")).to_contain_text("This span is free")
    expect(page.locator("#offer")).to_contain_text("08:00:00 in UTC, which is 10:00:00 in Berlin")
    press_hold(page)
    sign_in(page, claimants["with-scripts" if scripts else "without-scripts"])

    expect(page.locator("h1")).to_have_text("What is this moment?")
    expect(page.get_by_label("Your hold")).to_contain_text("Held for you until")
    page.get_by_label("Title").fill("The bookshop opens")
    page.get_by_label("Story").fill("It rained.\n\nhttps://example.org/shop")
    page.get_by_label("Tags").fill("books, Berlin")
    page.get_by_role("button", name="Hold it longer").click()
    expect(page.get_by_label("Title")).to_have_value("The bookshop opens")
    page.get_by_role("button", name="Review it").click()

    expect(page.locator("h1")).to_have_text("The bookshop opens")
    expect(page.locator("table.price tfoot")).to_contain_text("5.50 EUR")
    page.get_by_role("button", name="Pay 5.50 EUR").click()
    expect(page.locator("main")).to_contain_text("This is a sandbox")
    page.get_by_role("link", name="Go back without paying").click()
    page.get_by_role("button", name="Go on paying 5.50 EUR").click()
    page.get_by_role("button", name="Pay 5.50 EUR").click()

    expect(page.locator("h1")).to_have_text("It is yours")
    page.get_by_role("link", name="Look at your moment").click()
    expect(page.locator("h1")).to_have_text("The bookshop opens")
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Title").fill("The bookshop opened")
    page.get_by_role("button", name="Save it").click()
    expect(page.locator("h1")).to_have_text("The bookshop opened")

    page.goto("/orders/")
    page.get_by_role("link", name="The bookshop opened").click()
    expect(page.locator("h1")).to_contain_text("Receipt")


@SCRIPTS
def test_choice_survives_signing_up(new_page, get_mailed_link, scripts):
    page = new_page(java_script_enabled=scripts)
    handle = f"newcomer-{'with' if scripts else 'without'}"
    choose(page, "2031-05-20" if scripts else "2031-05-21", "10:00:00", "Tokyo")
    press_hold(page)
    page.get_by_role("link", name="Make an account").click()
    page.get_by_label("E-mail address").fill(f"{handle}@example.org")
    page.get_by_label("Handle").fill(handle)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make my account").click()
    expect(page.locator("h1")).to_have_text("Look into your mailbox")
    page.goto(get_mailed_link(f"{handle}@example.org"))
    page.get_by_role("button", name="Yes, it is mine").click()
    expect(page.locator("h1")).to_have_text("What is this moment?")
    expect(page.locator(".lead")).to_contain_text("01:00:00 in UTC, which is 10:00:00 in Tokyo")


@SCRIPTS
def test_repeated_local_time_offers_both(new_page, browser_errors, scripts):
    """Edge case 2."""
    page = new_page(java_script_enabled=scripts)
    choose(page, "2024-10-27", "02:30:00", "Berlin")
    expect(page.locator("#clock-change")).to_contain_text("That time comes twice")
    page.get_by_role("link", name="The second").click()
    expect(page.locator("#offer")).to_contain_text("01:30:00 in UTC")
    browser_errors.clear()  # a browser reports the 400 itself


@SCRIPTS
def test_taken_span_offers_the_nearest_free_ones(new_page, browser_errors, scripts):
    """Edge case 7: each has a button to hold it."""
    page = new_page(java_script_enabled=scripts)
    choose(page, "1969-07-16", "02:32:10", "UTC", "1")
    expect(page.locator("#offer")).to_contain_text("This span is taken")
    assert page.locator("#offer").get_by_role("button", name="Hold it").count() == 4
    press_hold(page)
    expect(page.locator("h1")).to_have_text("Sign in")
    browser_errors.clear()  # a browser reports the 409 itself


def test_offer_is_focused(page):
    choose(page, "2031-06-01", "10:00:00", "UTC")
    expect(page.locator("#offer")).to_be_focused()


def test_time_zones_are_suggested_by_place(page):
    page.goto("/claim/")
    assert page.locator("#zones option").count() == 0
    page.get_by_label("By the clock of").focus()
    expect(page.locator('#zones option[value="Asia/Tokyo"]')).to_have_text("Tokyo, Japan")
    assert page.locator("#zones option").count() > 300


def test_time_zone_is_chosen_from_a_page_without_scripts(new_page):
    page = new_page(java_script_enabled=False)
    page.goto("/claim/")
    page.get_by_role("link", name="All clocks by name").click()
    page.get_by_role("link", name="Tokyo, Japan").click()
    expect(page.get_by_label("By the clock of")).to_have_value("Asia/Tokyo")


def test_span_is_claimed_by_keyboard(new_page, claimants):
    page = new_page()
    page.goto("/claim/?date=2031-07-01&zone=UTC")
    page.get_by_label("Time").focus()
    page.keyboard.type("100000AM")
    while page.evaluate("document.activeElement.textContent.trim()") != "See whether it is free":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#offer")).to_be_focused()
    page.keyboard.press("Tab")
    press_enter_and_wait(page)
    page.get_by_label("E-mail address").focus()
    page.keyboard.type(claimants["by-keyboard"])
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    press_enter_and_wait(page)
    expect(page.locator("h1")).to_have_text("What is this moment?")
    page.get_by_label("Title").focus()
    page.keyboard.type("By keyboard")
    press_enter_and_wait(page)
    expect(page.locator("h1")).to_have_text("By keyboard")
    page.get_by_role("button", name=re.compile("^Pay")).focus()
    press_enter_and_wait(page)
    page.get_by_role("button", name=re.compile("^Pay 5.00")).focus()
    press_enter_and_wait(page)
    expect(page.locator("h1")).to_have_text("It is yours")


def test_hold_countdown_shows_seconds_only_at_its_end(new_page, claimants):
    """Seconds are shown in the last two minutes, and a message when the hold has expired."""
    page = new_page()
    page.clock.install()
    page.goto("/claim/?date=2031-08-01&time=10:00&zone=UTC&minutes=5")
    press_hold(page)
    sign_in(page, claimants["late"])
    remaining = page.locator("[data-hold-left]")
    expect(remaining).to_have_text(re.compile(r"^about \d+ minutes$"))
    page.wait_for_load_state()  # the server renders the same text; from now on the script updates it
    page.clock.run_for(8 * 60 * 1000 + 30_000)
    expect(remaining).to_have_text(re.compile(r"^1 min \d+ s$|^\d\d s$"))
    page.clock.run_for(2 * 60 * 1000)
    expect(page.locator("[data-hold-message]")).to_contain_text("The time is over")


@SCHEMES
def test_every_step_is_accessible_in_both_themes_at_320_px(
    new_page, claimants, browser_errors, scheme
):
    page = new_page(color_scheme=scheme, viewport={"width": 320, "height": 640})

    def check(name: str) -> None:
        assert page.locator("h1").count() == 1, name
        assert find_violations(page) == [], name
        assert not page.evaluate(OVERFLOWS), name

    day = "2031-09-01" if scheme == "dark" else "2031-09-02"
    page.goto("/claim/")
    check("choose")
    for query in (
        "date=2024-10-27&time=02:30&zone=Berlin&minutes=1",
        "date=1969-07-16&time=02:32:10&zone=UTC&minutes=1",
        "date=x&time=x&zone=x&hours=25",
    ):
        page.goto(f"/claim/?{query}")
        check(query)
    browser_errors.clear()  # a browser reports 400 and 409 itself
    page.goto(f"/claim/?date={day}&time=10:00&zone=Berlin&minutes=5")
    check("offer")
    press_hold(page)
    sign_in(page, claimants[f"looking-{scheme}"])
    check("details")
    page.get_by_label("Title").fill("x" * 120)
    page.get_by_role("button", name="Review it").click()
    check("review")
    page.get_by_role("button", name=re.compile("^Pay")).click()
    check("payment page")
    page.go_back()
    check("paying")
    page.get_by_role("button", name=re.compile("^Go on paying|^Pay")).click()
    page.get_by_role("button", name=re.compile("^Pay 5.00")).click()
    check("done")
    page.get_by_role("link", name="Look at your moment").click()
    page.get_by_role("link", name="Edit").click()
    check("edit")
    page.goto("/orders/")
    check("orders")
    page.locator("ul.link-list a").first.click()
    check("order")
