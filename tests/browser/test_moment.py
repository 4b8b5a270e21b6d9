"""The script of a moment's page: the visitor's local time, the countdown and sharing."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.pages import open_page

pytestmark = pytest.mark.motion

# In the far future; tests set the browser's clock to shortly before it.
CREATE_FUTURE_MOMENT = """
import datetime as dt
from accounts.models import User
from timeline.models import Moment, Status
from timeline.services.placement import save_moment
starts_at = dt.datetime(2999, 1, 1, 12, tzinfo=dt.UTC)
save_moment(Moment(user=User.objects.get(handle="ada"), title="A day to come", status=Status.ACTIVE,
             starts_at=starts_at, ends_at=starts_at + dt.timedelta(hours=1)))
"""


@pytest.fixture(scope="session")
def future_day(site):
    """The address of a day with a moment in the future."""
    site.manage("shell", script=CREATE_FUTURE_MOMENT)
    return "/timeline/2999/01/01/"


@pytest.mark.parametrize(
    ("zone", "local_time"),
    [("Europe/Berlin", "16 July 1969, 03:32:00 (Europe/Berlin)"),
     ("America/New_York", "15 July 1969, 22:32:00 (America/New_York)"),
     ("Australia/Adelaide", "16 July 1969, 12:02:00 (Australia/Adelaide)")],
)  # fmt: skip
def test_it_works(new_page, zone, local_time):
    page = new_page(timezone_id=zone)
    open_page(page, "moment")
    expect(page.locator("[data-local-time]")).to_have_text(local_time)


def test_place_and_utc_are_shown_without_scripts(new_page):
    page = new_page(java_script_enabled=False)
    open_page(page, "right to left")
    expect(page.locator(".instant time")).to_have_text("30 August 1905, 13:00:00 UTC")
    expect(page.get_by_text("Local time")).to_be_visible()
    expect(page.get_by_text("Where you are")).to_be_hidden()
    expect(page.locator("[data-share]")).to_be_hidden()


def test_script_does_not_shift_the_layout(page):
    """The cumulative layout shift is 0."""
    open_page(page, "moment")
    expect(page.locator("[data-local-time]")).not_to_have_text("…")
    shift = page.evaluate(
        """() => new Promise(done => new PerformanceObserver(list => done(list.getEntries()))
             .observe({type: "layout-shift", buffered: true}) ?? setTimeout(done, 300, []))"""
    )
    assert shift == []


@pytest.fixture
def open_page_at(new_page, future_day):
    """Return a function that sets the browser's clock, which tests can move, and opens the future moment."""

    def open_at(time: str):
        page = new_page()
        page.clock.install(time=time)
        page.goto(future_day)
        page.get_by_role("link", name="A day to come", exact=True).click()
        return page

    return open_at


def test_moment_of_the_next_days_has_a_countdown(open_page_at):
    page = open_page_at("2998-12-31T11:59:57Z")
    distance = page.locator("[data-countdown]")
    expect(distance).to_have_text(re.compile(r"^in 1 d( \d s)?$"))
    page.clock.run_for(5_000)
    expect(distance).to_have_text(re.compile(r"^in 23 h 59 min 5\d s$"))
    page.clock.run_for(24 * 3600 * 1000)
    expect(distance).to_have_text("happening now")


def test_distant_moment_has_no_countdown(open_page_at):
    """The server's text stays until 100 days before the moment."""
    page = open_page_at("2998-09-20T12:00:00Z")
    distance = page.locator("[data-countdown]")
    expect(page.locator("[data-local-time]")).to_contain_text("2999")
    expect(distance).to_have_text(re.compile(r"^in \d+ years$"))
    page.clock.fast_forward(96 * 3600 * 1000)
    expect(distance).to_have_text(re.compile(r"^in 9[89] d"))


def test_share_button_copies_the_link(new_page):
    page = new_page(permissions=["clipboard-read", "clipboard-write"])
    open_page(page, "moment")
    page.evaluate("delete Navigator.prototype.share")
    page.get_by_role("button", name="Share").click()
    expect(page.locator("[data-share-status]")).to_have_text("The link is copied.")
    assert page.evaluate("navigator.clipboard.readText()") == page.url


def test_share_button_opens_the_share_sheet_of_the_platform(page):
    open_page(page, "moment")
    page.evaluate("() => { Navigator.prototype.share = async link => { window.shared = link; } }")
    page.get_by_role("button", name="Share").click()
    # A function, because Playwright would compile an expression in the page, which the policy forbids.
    page.wait_for_function("() => window.shared")
    assert page.evaluate("window.shared") == {"title": "Flight note 1", "url": page.url}
    expect(page.locator("[data-share-status]")).to_have_text("")


def test_link_is_shown_if_sharing_is_refused_but_not_if_it_is_cancelled(page):
    open_page(page, "moment")
    reject_share = (
        "() => { Navigator.prototype.share = async () => { throw new DOMException('', '%s'); } }"
    )
    page.evaluate(reject_share % "AbortError")
    page.get_by_role("button", name="Share").click()
    page.evaluate("new Promise(done => setTimeout(done))")
    expect(page.locator("[data-share-status]")).to_have_text("")
    page.evaluate(reject_share % "NotAllowedError")
    page.get_by_role("button", name="Share").click()
    expect(page.locator("[data-share-status]")).to_have_text(page.url)
