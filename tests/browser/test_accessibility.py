"""Every page, in both themes, as axe sees it."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.pages import MOMENTS, PAGES, REFUSED, open_page, press_enter_and_arrive


def violations(page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {violation['help']} {[node['target'] for node in violation['nodes']]}"
        for violation in found
    ]


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("name", [*PAGES, *MOMENTS])
def test_it_works(new_page, complaints, name, scheme):
    page = new_page(color_scheme=scheme)
    open_page(page, name)
    assert page.locator("h1").count() == 1
    assert violations(page) == []
    if name in REFUSED:
        complaints.clear()


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


def test_a_timeline_is_walked_with_the_keyboard_alone(page):
    page.goto("/")
    walk_to(page, "Walk along the timeline")
    expect(page.locator("h1")).to_have_text("All centuries")
    walk_to(page, "20th century")
    walk_to(page, "1969")
    walk_to(page, "Jul")
    walk_to(page, "16")
    expect(page.locator("h1")).to_have_text("16 July 1969")
    walk_to(page, "Flight note 2")
    expect(page.locator("h1")).to_have_text("Flight note 2")
    walk_to(page, "After it")
    expect(page.locator("h1")).to_have_text("Flight note 3")
    walk_to(page, "Before it")
    expect(page.locator("h1")).to_have_text("Flight note 2")


FOCUSED = "document.activeElement.innerText.trim().replace(/^← |\\s+/g, ' ').trim()"
ON_SCREEN = """
(() => { const box = document.activeElement.getBoundingClientRect();
         return box.top < innerHeight && box.bottom > 0 && box.width > 0; })()
"""


def walk_to(page: Page, words: str) -> None:
    """Press Tab until the link that begins with ``words`` has the focus, always in sight, and follow it."""
    for _ in range(200):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED).startswith(words):
            assert page.evaluate(ON_SCREEN)
            press_enter_and_arrive(page)
            return
    raise AssertionError(f"no link that begins with {words!r} was come to")
