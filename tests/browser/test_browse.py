"""A person finds their way from the home page to a moment, with scripts and without."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect


@pytest.mark.parametrize("scripts", [True, False])
def test_it_works(new_page, scripts):
    page = new_page(java_script_enabled=scripts)
    page.goto("/")
    page.get_by_role("link", name="20th century").click()
    page.get_by_role("link", name="1969 ", exact=False).first.click()
    page.get_by_role("link", name="July").first.click()
    page.locator(".cells").get_by_role("link", name="20").click()
    expect(page.locator("h1")).to_have_text("20 July 1969")
    page.locator(".moment a").first.click()
    expect(page).to_have_url(re.compile("/moments/"))
    title = page.locator("h1").inner_text()
    page.get_by_role("navigation", name="Neighbours in time").get_by_text("After it").click()
    expect(page.locator("h1")).not_to_have_text(title)
    page.go_back()
    expect(page.locator("h1")).to_have_text(title)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_date_is_jumped_to(new_page, scripts):
    page = new_page(java_script_enabled=scripts)
    page.goto("/")
    page.get_by_label("Go to a day").fill("1969-07-20")
    page.get_by_role("button", name="Go").click()
    expect(page).to_have_url(re.compile("/timeline/1969/07/20/$"))


def test_the_icon_and_the_styles_are_there(page):
    loaded = {}
    page.on("response", lambda response: loaded.update({response.url: response}))
    page.goto("/")
    (styles,) = [response for url, response in loaded.items() if url.endswith(".css")]
    assert styles.status == 200
    assert styles.headers["cache-control"] == "max-age=315360000, public, immutable"
    assert styles.headers["content-encoding"] == "br"


def test_a_page_can_come_back_from_the_browsers_memory(page):
    """The back/forward cache takes a public page: nothing on it says no-store or unload."""
    page.goto("/timeline/")
    page.evaluate("window.kept = true")
    page.goto("/timeline/centuries/")
    reasons = page.evaluate(
        "() => performance.getEntriesByType('navigation')[0].notRestoredReasons ?? null"
    )
    assert reasons is None
