"""The endless list, which keeps a few pages in the document: scrolling, reloading, history and the slider."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_accessibility import find_violations
from tests.support.servers import wait_until

pytestmark = pytest.mark.motion

NUMBER = 400
PAGE = 50
MAX_SHOWN = 3 * PAGE
YEAR = "/timeline/1821/"
CREATE_MOMENTS = f"""
import datetime as dt
from accounts.models import User
from timeline.models import Moment, Status
from timeline.services.placement import save_moment
owner = User.objects.get_or_create_curator("mary", "Mary")
for number in range({NUMBER}):
    starts_at = dt.datetime(1821, 1, 1, tzinfo=dt.UTC) + dt.timedelta(hours=20 * number)
    save_moment(Moment(user=owner, title=f"Diary {{number:03}}", status=Status.ACTIVE,
                 starts_at=starts_at, ends_at=starts_at + dt.timedelta(minutes=5)))
"""
COUNT_MOMENTS_OF_1969 = """
from timeline.models import Moment
print(Moment.objects.visible_to(None).filter(starts_at__year=1969).count())
"""
# The titles in the list, and the first one that is visible in the window.
TITLES = "[...document.querySelectorAll('.moment h3')].map(title => title.innerText)"
TOP = (
    "[...document.querySelectorAll('.moment')]"
    ".find(moment => moment.getBoundingClientRect().bottom > 0).querySelector('h3').innerText"
)
# Whether the history entry holds the current scroll position.
POSITION_IS_SAVED = """
(() => {
  const saved = history.state?.list;
  const items = [...document.querySelectorAll(".moment")];
  const item = items.find((moment) => moment.getBoundingClientRect().bottom > 0);
  return saved?.first === item.querySelector("h3 a").getAttribute("href")
    && Math.abs(item.getBoundingClientRect().top - saved.top) < 1;
})()
"""


@pytest.fixture(scope="module", autouse=True)
def _moments(site):
    site.manage("shell", script=CREATE_MOMENTS)


def until(page, condition):
    wait_until(lambda: page.evaluate(condition), condition)


def open_list(page, url):
    """Open a list and wait until its script loads more pages on scrolling."""
    page.goto(url)
    page.locator(".moments").scroll_into_view_if_needed()
    expect(page.locator(".list-status")).to_be_attached()


def scroll_until(page, condition, step):
    """Scroll by ``step`` pixels at a time until ``condition`` holds for the titles in the list."""

    def scroll_and_check():
        page.mouse.wheel(0, step)
        return condition(page.evaluate(TITLES))

    wait_until(scroll_and_check, "the list is scrolled far enough")


def test_it_works(page):
    """Edge case 18: every moment appears once and in order, with at most three pages in the document."""
    open_list(page, YEAR)
    seen = []
    max_shown = 0

    def is_at_end(titles):
        nonlocal max_shown
        max_shown = max(max_shown, len(titles))
        seen.extend(title for title in titles if title not in seen)
        return titles[-1] == f"Diary {NUMBER - 1:03}"

    page.mouse.move(700, 450)
    scroll_until(page, is_at_end, 900)
    assert seen == [f"Diary {number:03}" for number in range(NUMBER)]
    assert max_shown == MAX_SHOWN
    scroll_until(page, lambda titles: titles[0] == "Diary 000", -900)
    assert page.evaluate(TITLES) == seen[:MAX_SHOWN]


def test_visible_moment_does_not_move_when_pages_are_added_and_removed(page):
    open_list(page, YEAR)
    scroll_until(page, lambda titles: titles[0] != "Diary 000", 900)
    until(page, f"{POSITION_IS_SAVED.strip()} && history.state.list.top <= 0")
    top = page.evaluate(TOP)
    numbers = [int(title[-3:]) for title in page.evaluate(TITLES)]
    assert numbers == list(range(numbers[0], numbers[0] + MAX_SHOWN))
    assert int(top[-3:]) > numbers[0]


def test_long_list_prefetches_nothing(page):
    """Chromium keeps every link that it may prefetch, even after its removal, and becomes slow."""
    open_list(page, YEAR)
    expect(page.locator(".list")).not_to_have_class(re.compile("list-long"))
    page.mouse.move(700, 450)
    scroll_until(page, lambda titles: titles[-1] == f"Diary {NUMBER - 1:03}", 2000)
    expect(page.locator(".list")).to_have_class(re.compile("list-long"))


def test_reload_shows_the_same_moment(page):
    open_list(page, YEAR)
    scroll_until(page, lambda titles: titles[0] != "Diary 000", 900)
    until(page, POSITION_IS_SAVED)
    top = page.evaluate(TOP)
    assert "?after=1821" in page.url
    page.reload()
    until(page, f"({TOP}) === {top!r}")


def test_going_back_shows_the_same_moment(page):
    open_list(page, YEAR)
    scroll_until(page, lambda titles: titles[0] != "Diary 000", 900)
    until(page, POSITION_IS_SAVED)
    top = page.evaluate(TOP)
    page.get_by_role("link", name=f"Diary {int(top[-3:]) + 1:03}").click()
    expect(page).to_have_url(re.compile("/moments/"))
    page.go_back()
    until(page, f"({TOP}) === {top!r}")


def test_address_while_scrolling_works_without_scripts(page, new_page):
    """The page at this address contains the moment that was visible."""
    open_list(page, YEAR)
    scroll_until(page, lambda titles: titles[0] != "Diary 000", 900)
    until(page, POSITION_IS_SAVED)
    top, address = page.evaluate(TOP), page.url
    page_without_scripts = new_page(java_script_enabled=False)
    page_without_scripts.goto(address)
    assert page_without_scripts.get_by_text(top).count() == 1
    page_without_scripts.get_by_role("link", name="Earlier moments").click()
    expect(page_without_scripts.locator(".moment").first).to_be_visible()


def test_removed_moments_are_reached_by_a_link(page):
    open_list(page, YEAR)
    scroll_until(page, lambda titles: titles[0] != "Diary 000", 900)
    link = page.get_by_role("navigation", name="Moments before these").get_by_role("link")
    expect(link).to_be_attached()
    before = page.evaluate(TITLES)[0]
    page.goto(page.url.split("?")[0] + link.get_attribute("href"))
    assert page.evaluate(TITLES)[-1] < before


def test_slider_opens_a_year(page, site):
    page.goto("/timeline/?before=1970-01-01T00:00:00Z")
    slider = page.get_by_role("slider")
    # Tests that ran before may have added moments to this year.
    number = site.manage("shell", script=COUNT_MOMENTS_OF_1969).strip()
    newest = page.locator(".moment h3").first.text_content()
    expect(slider).to_have_attribute("aria-valuetext", f"1969: {number} moments")
    slider.focus()
    page.keyboard.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", f"1821: {NUMBER} moments")
    expect(page.locator(".moment h3").first).to_have_text("Diary 399")
    assert page.url.endswith("?before=1822-01-01T00:00:00Z")
    page.go_back()
    expect(page.locator(".moment h3").first).to_have_text(newest)


def test_scrolling_moves_the_slider(page):
    page.goto("/timeline/")
    expect(page.get_by_role("slider")).to_be_visible()
    page.mouse.move(700, 450)
    scroll_until(page, lambda titles: titles[-1].startswith("Diary"), 900)
    scroll_until(page, lambda _: page.evaluate(TOP).startswith("Diary"), 900)
    expect(page.get_by_role("slider")).to_have_value("1821")


def test_slider_appears_without_layout_shift(page):
    page.add_init_script(
        "globalThis.shifted = 0; new PerformanceObserver((list) => { for (const entry of"
        " list.getEntries()) shifted += entry.value; }).observe({ type: 'layout-shift', buffered: true });"
    )
    page.goto("/timeline/")
    expect(page.get_by_role("slider")).to_be_visible()
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate("shifted") == 0


def test_failed_fetch_is_reported_and_retried(page, browser_errors):
    open_list(page, YEAR)
    page.route("**/timeline/1821/?after=*", lambda route: route.abort())
    page.keyboard.press("End")
    expect(page.locator(".list-status")).to_contain_text("could not be fetched")
    expect(page.get_by_role("link", name="Try again")).to_have_attribute(
        "href", re.compile(r"\?after=1821")
    )
    page.unroute("**/timeline/1821/?after=*")
    page.mouse.move(700, 450)
    scroll_until(page, lambda titles: len(titles) > PAGE, 200)
    expect(page.locator(".list-status")).to_have_text("")
    # Only the failed fetches were reported.
    assert all("ERR_FAILED" in message for message in browser_errors.messages)
    browser_errors.clear()


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("width", [320, 1440])
def test_axe_finds_no_violation(new_page, scheme, width):
    page = new_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    page.goto("/timeline/?before=1821-09-01")
    expect(page.get_by_role("slider")).to_be_visible()
    assert find_violations(page) == []
    assert not page.evaluate(
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )
