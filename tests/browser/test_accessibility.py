"""Every page, in both themes, as axe sees it."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.pages import PAGES


def violations(page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {violation['help']} {[node['target'] for node in violation['nodes']]}"
        for violation in found
    ]


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("name", PAGES)
def test_it_works(new_page, complaints, name, scheme):
    page = new_page(color_scheme=scheme)
    page.goto(PAGES[name])
    assert page.locator("h1").count() == 1
    assert violations(page) == []
    if name == "not found":
        complaints.clear()  # a browser reports the 404 itself


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_a_moments_page(new_page, scheme):
    page = new_page(color_scheme=scheme)
    page.goto(PAGES["day"])
    page.locator(".moment a").first.click()
    expect(page.locator(".one-moment")).to_be_visible()
    assert violations(page) == []


def test_the_first_tab_stop_leads_to_the_content(page):
    page.goto("/timeline/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.url.endswith("#content")


def test_the_focused_element_can_be_seen(page):
    page.goto("/")
    for _ in range(8):
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"
