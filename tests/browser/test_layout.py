"""Every page at the widths people have."""

from __future__ import annotations

import pytest

from tests.browser.pages import PAGES

OVERFLOWS = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [320, 390, 720, 1440])
def test_it_works(new_page, complaints, name, width):
    """320 px is also a 1280 px window at 400 % zoom, 720 one of 1440 at 200 %."""
    page = new_page(viewport={"width": width, "height": 800})
    page.goto(PAGES[name])
    assert not page.evaluate(OVERFLOWS)
    if name == "not found":
        complaints.clear()  # a browser reports the 404 itself


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
