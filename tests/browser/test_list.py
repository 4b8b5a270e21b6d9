"""A list of which a few pages are in the document: scrolled, reloaded, come back to, scrubbed."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_accessibility import violations
from tests.support.servers import wait_until

NUMBER = 400
PAGE = 50
MOST_SHOWN = 3 * PAGE
YEAR = "/timeline/1821/"
MAKE_MANY = f"""
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
# The titles that stand in the list, and the one at the window's upper edge.
TITLES = "[...document.querySelectorAll('.moment h3')].map(title => title.innerText)"
TOP = (
    "[...document.querySelectorAll('.moment')]"
    ".find(moment => moment.getBoundingClientRect().bottom > 0).querySelector('h3').innerText"
)
# The address has followed to where the list has come to rest.
FOLLOWED = """
(() => {
  const kept = history.state?.list;
  const items = [...document.querySelectorAll(".moment")];
  const item = items.find((moment) => moment.getBoundingClientRect().bottom > 0);
  return kept?.first === item.querySelector("h3 a").getAttribute("href")
    && Math.abs(item.getBoundingClientRect().top - kept.top) < 1;
})()
"""


@pytest.fixture(scope="module", autouse=True)
def _many(site):
    site.manage("shell", script=MAKE_MANY)


def until(page, condition):
    wait_until(lambda: page.evaluate(condition), condition)


def scrollable(page, url):
    """Open a list and wait until it goes on by itself."""
    page.goto(url)
    page.locator(".moments").scroll_into_view_if_needed()
    expect(page.locator(".list-status")).to_be_attached()


def scroll_until(page, holds, step):
    def scrolled():
        page.mouse.wheel(0, step)
        return holds(page.evaluate(TITLES))

    wait_until(scrolled, "the list has come there")


def test_it_works(page):
    """Edge case 18: all in order, each once, and never more than three pages in the document."""
    scrollable(page, YEAR)
    seen = []
    most = 0

    def note(titles):
        nonlocal most
        most = max(most, len(titles))
        seen.extend(title for title in titles if title not in seen)
        return titles[-1] == f"Diary {NUMBER - 1:03}"

    page.mouse.move(700, 450)
    scroll_until(page, note, 900)
    assert seen == [f"Diary {number:03}" for number in range(NUMBER)]
    assert most == MOST_SHOWN
    scroll_until(page, lambda titles: titles[0] == "Diary 000", -900)
    assert page.evaluate(TITLES) == seen[:MOST_SHOWN]


def test_what_is_looked_at_stays_where_it_is_when_pages_come_and_go(page):
    scrollable(page, YEAR)
    scroll_until(page, lambda titles: titles[0] != "Diary 000", 900)
    until(page, f"{FOLLOWED.strip()} && history.state.list.top <= 0")
    top = page.evaluate(TOP)
    numbers = [int(title[-3:]) for title in page.evaluate(TITLES)]
    assert numbers == list(range(numbers[0], numbers[0] + MOST_SHOWN))
    assert int(top[-3:]) > numbers[0]


def test_a_long_list_has_nothing_fetched_ahead(page):
    """Chromium keeps each link that it may fetch ahead, removed or not, and slows down over them."""
    scrollable(page, YEAR)
    expect(page.locator(".list")).not_to_have_class(re.compile("list-long"))
    page.mouse.move(700, 450)
    scroll_until(page, lambda titles: titles[-1] == f"Diary {NUMBER - 1:03}", 2000)
    expect(page.locator(".list")).to_have_class(re.compile("list-long"))


def test_a_reload_finds_the_same_moment(page):
    scrollable(page, YEAR)
    scroll_until(page, lambda titles: titles[0] != "Diary 000", 900)
    until(page, FOLLOWED)
    top = page.evaluate(TOP)
    assert "?after=1821" in page.url
    page.reload()
    until(page, f"({TOP}) === {top!r}")


def test_coming_back_finds_the_same_moment(page):
    scrollable(page, YEAR)
    scroll_until(page, lambda titles: titles[0] != "Diary 000", 900)
    until(page, FOLLOWED)
    top = page.evaluate(TOP)
    page.get_by_role("link", name=f"Diary {int(top[-3:]) + 1:03}").click()
    expect(page).to_have_url(re.compile("/moments/"))
    page.go_back()
    until(page, f"({TOP}) === {top!r}")


def test_an_address_on_the_way_is_a_page_of_its_own(page, new_page):
    """What the address says while one scrolls can be opened without scripts."""
    scrollable(page, YEAR)
    scroll_until(page, lambda titles: titles[0] != "Diary 000", 900)
    until(page, FOLLOWED)
    top, address = page.evaluate(TOP), page.url
    plain = new_page(java_script_enabled=False)
    plain.goto(address)
    assert plain.get_by_text(top).count() == 1
    plain.get_by_role("link", name="Earlier moments").click()
    expect(plain.locator(".moment").first).to_be_visible()


def test_what_was_let_go_of_can_be_reached_by_keys(page):
    scrollable(page, YEAR)
    scroll_until(page, lambda titles: titles[0] != "Diary 000", 900)
    link = page.get_by_role("navigation", name="Moments before these").get_by_role("link")
    expect(link).to_be_attached()
    before = page.evaluate(TITLES)[0]
    page.goto(page.url.split("?")[0] + link.get_attribute("href"))
    assert page.evaluate(TITLES)[-1] < before


def test_the_slider_goes_to_a_year(page):
    page.goto("/timeline/?before=1970-01-01T00:00:00Z")
    slider = page.get_by_role("slider")
    expect(slider).to_have_attribute("aria-valuetext", "1969: 48 moments")
    slider.focus()
    page.keyboard.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", f"1821: {NUMBER} moments")
    expect(page.locator(".moment h3").first).to_have_text("Diary 399")
    assert page.url.endswith("?before=1822-01-01T00:00:00Z")
    page.go_back()
    expect(page.locator(".moment h3").first).to_have_text("Flight note 48")


def test_scrolling_moves_the_slider(page):
    page.goto("/timeline/")
    expect(page.get_by_role("slider")).to_be_visible()
    page.mouse.move(700, 450)
    scroll_until(page, lambda titles: titles[-1].startswith("Diary"), 900)
    scroll_until(page, lambda _: page.evaluate(TOP).startswith("Diary"), 900)
    expect(page.get_by_role("slider")).to_have_value("1821")


def test_nothing_shifts_when_the_slider_comes(page):
    page.add_init_script(
        "globalThis.shifted = 0; new PerformanceObserver((list) => { for (const entry of"
        " list.getEntries()) shifted += entry.value; }).observe({ type: 'layout-shift', buffered: true });"
    )
    page.goto("/timeline/")
    expect(page.get_by_role("slider")).to_be_visible()
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate("shifted") == 0


def test_what_cannot_be_fetched_is_said(page, complaints):
    scrollable(page, YEAR)
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
    # As often as it was tried, and nothing else.
    assert all("ERR_FAILED" in complaint for complaint in complaints.found)
    complaints.clear()


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("width", [320, 1440])
def test_axe_finds_nothing(new_page, scheme, width):
    page = new_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    page.goto("/timeline/?before=1821-09-01")
    expect(page.get_by_role("slider")).to_be_visible()
    assert violations(page) == []
    assert not page.evaluate(
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )
