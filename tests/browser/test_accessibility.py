"""axe on every page, in both themes, and the use of pages by keyboard."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.pages import ERROR_PAGES, MOMENTS, PAGES, open_page, press_enter_and_wait


def find_violations(page) -> list[str]:
    """Run axe on a page and return its violations, one string each."""
    violations = Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {violation['help']} {[node['target'] for node in violation['nodes']]}"
        for violation in violations
    ]


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("name", [*PAGES, *MOMENTS])
def test_it_works(new_page, browser_errors, name, scheme):
    page = new_page(color_scheme=scheme)
    open_page(page, name)
    assert page.locator("h1").count() == 1
    assert find_violations(page) == []
    if name in ERROR_PAGES:
        browser_errors.clear()


def test_first_tab_stop_skips_to_the_content(page):
    page.goto("/timeline/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.url.endswith("#content")


def test_focused_elements_have_an_outline(page):
    page.goto("/")
    for _ in range(8):
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"


def test_timeline_is_browsed_by_keyboard(page):
    page.goto("/")
    follow_link(page, "Walk along the timeline")
    expect(page.locator("h1")).to_have_text("All centuries")
    follow_link(page, "20th century")
    follow_link(page, "1969")
    follow_link(page, "Jul")
    follow_link(page, "16")
    expect(page.locator("h1")).to_have_text("16 July 1969")
    follow_link(page, "Flight note 2")
    expect(page.locator("h1")).to_have_text("Flight note 2")
    follow_link(page, "After it")
    expect(page.locator("h1")).to_have_text("Flight note 3")
    follow_link(page, "Before it")
    expect(page.locator("h1")).to_have_text("Flight note 2")


FOCUSED_TEXT = "document.activeElement.innerText.trim().replace(/^← |\\s+/g, ' ').trim()"
FOCUS_IS_ON_SCREEN = """
(() => { const box = document.activeElement.getBoundingClientRect();
         return box.top < innerHeight && box.bottom > 0 && box.width > 0; })()
"""


def follow_link(page: Page, text: str) -> None:
    """Press Tab until the link that begins with ``text`` has the focus and is visible, and follow it."""
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED_TEXT).startswith(text):
            assert page.evaluate(FOCUS_IS_ON_SCREEN)
            press_enter_and_wait(page)
            return
    raise AssertionError(f"no link that begins with {text!r} got the focus")
