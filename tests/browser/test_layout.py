"""Every page at the widths people have."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.pages import MOMENTS, PAGES, REFUSED, open_page

OVERFLOWS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
# What the body cuts off would not widen it: of elements with text of their own, those cut off.
STICKS_OUT = """
[...document.querySelectorAll("main *, header *, footer *")]
  .filter(element => [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()))
  .filter(element => !element.closest(".visually-hidden, noscript"))
  .map(element => [element.getBoundingClientRect(), element.outerHTML.slice(0, 120)])
  .filter(([box]) => box.right > innerWidth + 1 || box.left < -1)
  .map(([box, html]) => html)
"""


@pytest.mark.parametrize("name", [*PAGES, *MOMENTS])
@pytest.mark.parametrize("width", [320, 390, 720, 1440])
def test_it_works(new_page, complaints, name, width):
    """320 px is also a 1280 px window at 400 % zoom, 720 one of 1440 at 200 %."""
    page = new_page(viewport={"width": width, "height": 800})
    open_page(page, name)
    assert not page.evaluate(OVERFLOWS)
    assert page.evaluate(STICKS_OUT) == []
    if name in REFUSED:
        complaints.clear()


@pytest.mark.parametrize("name", ["home", "timeline", "month"])
def test_what_is_tapped_is_large_enough(phone, name):
    """WCAG 2.2, 2.5.8: 24 px, but for links inside running text."""
    phone.goto(PAGES[name])
    small = phone.evaluate(
        """() => [...document.querySelectorAll("nav a, .cell, button, input, .pager a")]
             .filter(element => !element.closest(".skip"))
             .filter(element => element.getBoundingClientRect().height < 24)
             .map(element => element.outerHTML)"""
    )
    assert small == []


def test_forced_colours_keep_the_cells_apart(new_page):
    page = new_page(forced_colors="active")
    page.goto(PAGES["month"])
    width = page.evaluate("getComputedStyle(document.querySelector('.cell')).borderTopWidth")
    assert width != "0px"


def test_right_to_left_titles_begin_at_the_right(page):
    """Edge case 19: and leave the words beside them alone."""
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


def test_text_twice_as_large_stays_on_the_page(new_page):
    """WCAG 1.4.4: not the zoom, but the reader's own size of letters."""
    page = new_page(viewport={"width": 720, "height": 800})
    for name in ("home", "month", "no space"):
        open_page(page, name)
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert not page.evaluate(OVERFLOWS), name
        assert page.evaluate(STICKS_OUT) == [], name


def test_nothing_moves_when_motion_is_not_wanted(new_page):
    page = new_page(reduced_motion="reduce")
    page.goto("/")
    times = page.evaluate(
        """() => [...document.querySelectorAll("*")]
             .flatMap(element => getComputedStyle(element).transitionDuration.split(", "))"""
    )
    assert set(times) == {"0s"}


def test_a_printed_moment_is_the_moment(page):
    open_page(page, "moment")
    page.emulate_media(media="print")
    for shown in ("h1", ".instant", ".facts"):
        expect(page.locator(shown)).to_be_visible()
    for hidden in (".site-header nav", ".site-footer", ".neighbours", ".actions", ".same-day"):
        expect(page.locator(hidden)).to_be_hidden()
    ink = page.evaluate("getComputedStyle(document.querySelector('h1')).color")
    assert ink == "rgb(0, 0, 0)"
