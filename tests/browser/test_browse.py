"""A person finds their way from the home page to a moment, with scripts and without."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.pages import open_page


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


def test_icon_and_styles_cost_no_request(page):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/timeline/")
    drawn = page.evaluate(
        "async () => { const image = new Image(); image.src = document.querySelector('link[rel=icon]').href;"
        " await image.decode(); return image.naturalWidth; }"
    )
    assert drawn > 0
    assert not [url for url in asked if re.search(r"\.css|\bicon\b|favicon", urlsplit(url).path)]
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.site-header')).display") == "flex"
    )


@pytest.mark.parametrize("name", ["home", "timeline", "month", "moment"])
def test_a_page_comes_back_from_the_browsers_memory(page_that_remembers, name):
    """The back/forward cache: nothing on the page says no-store, unload or the like."""
    page = page_that_remembers
    open_page(page, name)
    page.evaluate("window.kept = true")
    page.goto("/timeline/centuries/")
    # Chromium never fires `load` for a page that comes back whole.
    page.go_back(wait_until="commit")
    page.wait_for_function("() => window.kept")


def test_a_link_that_the_pointer_rests_on_is_fetched_ahead(page):
    page.goto("/timeline/1969/07/16/")
    link = page.get_by_role("link", name="Flight note 1", exact=True)
    with page.context.expect_event(
        "request", lambda request: request.headers.get("sec-purpose", "").startswith("prefetch")
    ) as ahead:
        link.hover()
    assert ahead.value.url.endswith(link.get_attribute("href"))
    assert ahead.value.response().status == 200
    link.click()
    expect(page.locator("h1")).to_have_text("Flight note 1")
    how = page.evaluate("performance.getEntriesByType('navigation')[0].deliveryType")
    assert how == "navigational-prefetch"


def test_a_link_elsewhere_is_not_fetched_ahead(page):
    page.goto("/timeline/1969/07/16/")
    asked = []
    page.context.on("request", lambda request: asked.append((request.url, request.headers)))
    page.get_by_role("link", name="Claim", exact=True).hover()
    # What may be fetched ahead comes after what may not: when it is there, the other would have been.
    with page.context.expect_event("request", lambda request: "/moments/" in request.url):
        page.get_by_role("link", name="Flight note 1", exact=True).hover()
    assert not [url for url, headers in asked if "/claim/" in url and "sec-purpose" in headers]
