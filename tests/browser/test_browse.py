"""Browsing from the home page to a moment, with scripts and without."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.pages import open_page

pytestmark = pytest.mark.motion


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
def test_form_opens_the_page_of_a_day(new_page, scripts):
    page = new_page(java_script_enabled=scripts)
    page.goto("/")
    page.get_by_label("Go to a day").fill("1969-07-20")
    page.get_by_role("button", name="Go").click()
    expect(page).to_have_url(re.compile("/timeline/1969/07/20/$"))


def test_icon_and_styles_need_no_request(page):
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto("/timeline/")
    icon_width = page.evaluate(
        "async () => { const image = new Image(); image.src = document.querySelector('link[rel=icon]').href;"
        " await image.decode(); return image.naturalWidth; }"
    )
    assert icon_width > 0
    assert not [url for url in requests if re.search(r"\.css|\bicon\b|favicon", urlsplit(url).path)]
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.site-header')).display") == "flex"
    )


@pytest.mark.parametrize("name", ["home", "timeline", "month", "moment"])
def test_page_is_restored_from_the_back_forward_cache(page_with_bfcache, name):
    """Nothing on the page prevents it, such as no-store or an unload handler."""
    page = page_with_bfcache
    open_page(page, name)
    page.evaluate("window.marker = true")
    page.goto("/timeline/centuries/")
    # Chromium does not fire `load` for a page that it restores.
    page.go_back(wait_until="commit")
    page.wait_for_function("() => window.marker")


def test_hovered_link_is_prefetched(page):
    page.goto("/timeline/1969/07/16/")
    link = page.get_by_role("link", name="Flight note 1", exact=True)
    with page.context.expect_event(
        "request", lambda request: request.headers.get("sec-purpose", "").startswith("prefetch")
    ) as prefetch:
        link.hover()
    assert prefetch.value.url.endswith(link.get_attribute("href"))
    assert prefetch.value.response().status == 200
    link.click()
    expect(page.locator("h1")).to_have_text("Flight note 1")
    delivery_type = page.evaluate("performance.getEntriesByType('navigation')[0].deliveryType")
    assert delivery_type == "navigational-prefetch"


def test_link_outside_the_allowed_paths_is_not_prefetched(page):
    page.goto("/timeline/1969/07/16/")
    requests = []
    page.context.on("request", lambda request: requests.append((request.url, request.headers)))
    page.get_by_role("link", name="Claim", exact=True).hover()
    # The allowed link is hovered second: once it is prefetched, the other would have been too.
    with page.context.expect_event("request", lambda request: "/moments/" in request.url):
        page.get_by_role("link", name="Flight note 1", exact=True).hover()
    assert not [url for url, headers in requests if "/claim/" in url and "sec-purpose" in headers]
