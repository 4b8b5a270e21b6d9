"""The home page's clock, with its script and without."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.motion


def test_it_works(new_page):
    page = new_page()
    page.clock.install(time="2026-12-31T23:50:00Z")
    page.goto("/")
    clock = page.locator("[data-clock]")
    # Until the script runs, the clock shows the time of the server.
    expect(clock).to_contain_text("31 December 2026, UTC")
    page.clock.pause_at("2026-12-31T23:59:59Z")
    expect(clock).to_contain_text("23:59:59 31 December 2026, UTC")
    page.clock.run_for(1_000)
    expect(clock).to_contain_text("00:00:00 1 January 2027, UTC")
    expect(clock).to_have_attribute("datetime", "2027-01-01T00:00:00Z")


def test_clock_shows_when_the_page_was_made_without_scripts(new_page):
    page = new_page(java_script_enabled=False)
    page.goto("/")
    expect(page.get_by_text("Now, when this page was made")).to_be_visible()


def test_ticking_clock_does_not_shift_the_layout(page):
    """The cumulative layout shift is 0."""
    page.goto("/")
    time = page.locator("[data-time]")
    before = time.inner_text()
    expect(time).not_to_have_text(before)
    shift = page.evaluate(
        """() => new Promise(done => new PerformanceObserver(list => done(list.getEntries()))
             .observe({type: "layout-shift", buffered: true}) ?? setTimeout(done, 300, []))"""
    )
    assert shift == []
