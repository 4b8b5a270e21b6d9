"""The public pages that the browser tests open, by name."""

from __future__ import annotations

from playwright.sync_api import Page

PAGES = {
    "home": "/",
    "timeline": "/timeline/",
    "centuries": "/timeline/centuries/",
    "century": "/timeline/centuries/20/",
    "year": "/timeline/1969/",
    "month": "/timeline/1969/07/",
    "day": "/timeline/1969/07/20/",
    "hour": "/timeline/1969/07/20/20/",
    "empty year": "/timeline/1066/",
    "tags": "/tags/",
    "today": "/today/07-20/",
    "profile": "/@ada/",
    "trending": "/trending/",
    "search": "/search/",
    "results": "/search/?q=flight",
    "claim": "/claim/",
    "clocks": "/claim/clocks/",
    "sign in": "/accounts/login/",
    "sign up": "/accounts/signup/",
    "a taken span": "/claim/?date=1969-07-16&time=02:32&zone=UTC&minutes=1",
    "stars": "/stars/",
    "star": "/stars/32349/",
    "not found": "/nowhere/",
}
# Pages with an error status, which browsers report in the console.
ERROR_PAGES = ("a taken span", "not found")
# The pages of days on which ``MOMENTS`` are; other moments are on the default day of ``open_page``.
DAYS = {"right to left": "/timeline/1905/08/30/", "no space": "/timeline/1905/08/31/"}
# Titles of moments. Their pages are opened by title, because their addresses are random.
MOMENTS = {
    "moment": "Flight note 1",
    "right to left": "كسوف الشمس الكلي فوق القاهرة",
    "no space": "Donaudampfschiff" * 9,
}


def open_page(page: Page, name: str) -> None:
    """Open one of ``PAGES`` or ``MOMENTS``."""
    if name in PAGES:
        page.goto(PAGES[name])
        return
    page.goto(DAYS.get(name, "/timeline/1969/07/16/"))
    page.get_by_role("link", name=MOMENTS[name], exact=True).click()
    page.wait_for_url("**/moments/**")


def press_enter_and_wait(page: Page) -> None:
    """Press Enter on the focused element, and wait for the next page.

    Without waiting, the next query might still find its element on the old page.
    """
    with page.expect_navigation():
        page.keyboard.press("Enter")
