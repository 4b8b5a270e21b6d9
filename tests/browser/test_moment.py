"""A moment's page with its script: the reader's clock, the countdown, sharing."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.pages import open_page

# In nine thousand years, and when the browser's clock is set a little before it.
MAKE_FUTURE = """
import datetime as dt
from accounts.models import User
from timeline.models import Moment, Status
from timeline.services.placement import save_moment
starts_at = dt.datetime(2999, 1, 1, 12, tzinfo=dt.UTC)
save_moment(Moment(user=User.objects.get(handle="ada"), title="A day to come", status=Status.ACTIVE,
             starts_at=starts_at, ends_at=starts_at + dt.timedelta(hours=1)))
"""


@pytest.fixture(scope="session")
def to_come(site):
    site.manage("shell", script=MAKE_FUTURE)
    return "/timeline/2999/01/01/"


@pytest.mark.parametrize(
    ("zone", "words"),
    [("Europe/Berlin", "16 July 1969, 03:32:00 (Europe/Berlin)"),
     ("America/New_York", "15 July 1969, 22:32:00 (America/New_York)"),
     ("Australia/Adelaide", "16 July 1969, 12:02:00 (Australia/Adelaide)")],
)  # fmt: skip
def test_it_works(new_page, zone, words):
    page = new_page(timezone_id=zone)
    open_page(page, "moment")
    expect(page.locator("[data-local-time]")).to_have_text(words)


def test_without_scripts_the_place_and_utc_are_left(new_page):
    page = new_page(java_script_enabled=False)
    open_page(page, "right to left")
    expect(page.locator(".instant time")).to_have_text("30 August 1905, 13:00:00 UTC")
    expect(page.get_by_text("Local time")).to_be_visible()
    expect(page.get_by_text("Where you are")).to_be_hidden()
    expect(page.locator("[data-share]")).to_be_hidden()


def test_nothing_moves_while_the_script_writes(page):
    """CLS 0."""
    open_page(page, "moment")
    expect(page.locator("[data-local-time]")).not_to_have_text("…")
    shift = page.evaluate(
        """() => new Promise(done => new PerformanceObserver(list => done(list.getEntries()))
             .observe({type: "layout-shift", buffered: true}) ?? setTimeout(done, 300, []))"""
    )
    assert shift == []


@pytest.fixture
def page_at(new_page, to_come):
    """Return a function that opens the moment to come by a browser's clock that one can move."""

    def open_at(time: str):
        page = new_page()
        page.clock.install(time=time)
        page.goto(to_come)
        page.get_by_role("link", name="A day to come", exact=True).click()
        return page

    return open_at


def test_it_counts_down(page_at):
    page = page_at("2998-12-31T11:59:57Z")
    distance = page.locator("[data-countdown]")
    expect(distance).to_have_text(re.compile(r"^in 1 d( \d s)?$"))
    page.clock.run_for(5_000)
    expect(distance).to_have_text(re.compile(r"^in 23 h 59 min 5\d s$"))
    page.clock.run_for(24 * 3600 * 1000)
    expect(distance).to_have_text("happening now")


def test_years_are_not_counted_down(page_at):
    """The server's words stand until a hundred days before."""
    page = page_at("2998-09-20T12:00:00Z")
    distance = page.locator("[data-countdown]")
    expect(page.locator("[data-local-time]")).to_contain_text("2999")
    expect(distance).to_have_text(re.compile(r"^in \d+ years$"))
    page.clock.fast_forward(96 * 3600 * 1000)
    expect(distance).to_have_text(re.compile(r"^in 9[89] d"))


def test_its_link_is_copied(new_page):
    page = new_page(permissions=["clipboard-read", "clipboard-write"])
    open_page(page, "moment")
    page.evaluate("delete Navigator.prototype.share")
    page.get_by_role("button", name="Share").click()
    expect(page.locator("[data-share-status]")).to_have_text("The link is copied.")
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_the_platforms_own_sheet_is_used_where_there_is_one(page):
    open_page(page, "moment")
    page.evaluate("() => { Navigator.prototype.share = async link => { window.shared = link; } }")
    page.get_by_role("button", name="Share").click()
    # A function: an expression that is tried a second time would be compiled by the page, which may not.
    page.wait_for_function("() => window.shared")
    assert page.evaluate("window.shared") == {"title": "Flight note 1", "url": page.url}
    expect(page.locator("[data-share-status]")).to_have_text("")


def test_closing_the_sheet_is_no_failure_and_a_refusal_shows_the_link(page):
    open_page(page, "moment")
    refuse = (
        "() => { Navigator.prototype.share = async () => { throw new DOMException('', '%s'); } }"
    )
    page.evaluate(refuse % "AbortError")
    page.get_by_role("button", name="Share").click()
    page.evaluate("new Promise(done => setTimeout(done))")
    expect(page.locator("[data-share-status]")).to_have_text("")
    page.evaluate(refuse % "NotAllowedError")
    page.get_by_role("button", name="Share").click()
    expect(page.locator("[data-share-status]")).to_have_text(page.url)
