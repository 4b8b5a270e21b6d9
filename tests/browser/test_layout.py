"""The layout of every page at common widths, and in print, forced colours and large text."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.pages import ERROR_PAGES, MOMENTS, PAGES, open_page

pytestmark = pytest.mark.motion

OVERFLOWS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
# The elements with text that extend beyond the window. The body clips them, so they would not widen it.
CUT_OFF_ELEMENTS = """
[...document.querySelectorAll("main *, header *, footer *")]
  .filter(element => [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
  .filter(element => !element.closest(".visually-hidden, noscript"))
  .map(element => [element.getBoundingClientRect(), element.outerHTML.slice(0, 120)])
  .filter(([box]) => box.right > innerWidth + 1 || box.left < -1)
  .map(([box, html]) => html)
"""


@pytest.mark.parametrize("name", [*PAGES, *MOMENTS])
@pytest.mark.parametrize("width", [320, 390, 720, 1440])
def test_it_works(new_page, browser_errors, name, width):
    """320 px is also a window of 1280 px at 400 % zoom, and 720 px one of 1440 px at 200 %."""
    page = new_page(viewport={"width": width, "height": 800})
    open_page(page, name)
    assert not page.evaluate(OVERFLOWS)
    assert page.evaluate(CUT_OFF_ELEMENTS) == []
    if name in ERROR_PAGES:
        browser_errors.clear()


@pytest.mark.parametrize("name", ["home", "timeline", "month"])
def test_touch_targets_are_large_enough(phone, name):
    """WCAG 2.2, 2.5.8: at least 24 px, except for links inside text."""
    phone.goto(PAGES[name])
    small = phone.evaluate(
        """() => [...document.querySelectorAll("nav a, .cell, button, input, .pager a")]
             .filter(element => !element.closest(".skip"))
             .filter(element => element.getBoundingClientRect().height < 24)
             .map(element => element.outerHTML)"""
    )
    assert small == []


def test_cells_have_borders_in_forced_colours(new_page):
    page = new_page(forced_colors="active")
    page.goto(PAGES["month"])
    width = page.evaluate("getComputedStyle(document.querySelector('.cell')).borderTopWidth")
    assert width != "0px"


def test_right_to_left_text_begins_at_the_right(page):
    """Edge case 19: it does not reorder the text beside it."""
    open_page(page, "right to left")
    isolated = page.evaluate(
        """() => [...document.querySelectorAll("h1 bdi, .facts bdi")]
             .map(element => getComputedStyle(element).unicodeBidi)"""
    )
    assert set(isolated) == {"isolate"}
    assert (
        page.locator(".story").evaluate("element => getComputedStyle(element).direction") == "rtl"
    )
    assert page.evaluate("getComputedStyle(document.body).direction") == "ltr"


def test_text_of_double_size_stays_on_the_page(new_page):
    """WCAG 1.4.4: not by zoom, but by the reader's own font size."""
    page = new_page(viewport={"width": 720, "height": 800})
    for name in ("home", "month", "no space"):
        open_page(page, name)
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert not page.evaluate(OVERFLOWS), name
        assert page.evaluate(CUT_OFF_ELEMENTS) == [], name


def test_reduced_motion_turns_transitions_off(new_page):
    page = new_page(reduced_motion="reduce")
    page.goto("/")
    times = page.evaluate(
        """() => [...document.querySelectorAll("*")]
             .flatMap(element => getComputedStyle(element).transitionDuration.split(", "))"""
    )
    assert set(times) == {"0s"}


def test_print_shows_only_the_moment(page):
    open_page(page, "moment")
    page.emulate_media(media="print")
    for visible in ("h1", ".instant", ".facts"):
        expect(page.locator(visible)).to_be_visible()
    for hidden in (".site-header nav", ".site-footer", ".neighbours", ".actions", ".same-day"):
        expect(page.locator(hidden)).to_be_hidden()
    ink = page.evaluate("getComputedStyle(document.querySelector('h1')).color")
    assert ink == "rgb(0, 0, 0)"
