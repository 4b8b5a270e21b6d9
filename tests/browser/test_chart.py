"""The chart in one's hands: drag, wheel, pinch, keys, the address, going back; and without scripts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_accessibility import violations
from tests.support.servers import wait_until

VIEW = "history.state"
ADDRESS = "location.pathname"


def enhanced(page, url):
    """Open a page and wait until its chart takes gestures."""
    page.goto(url)
    expect(page.locator(".chart-tools")).to_be_visible()
    return page.locator(".chart-svg")


def place(picture, across, y=80):
    box = picture.bounding_box()
    return box["x"] + box["width"] * across, box["y"] + y


def point(page, picture, across, y=80):
    """Move the pointer there, as a hand does, so that the chart knows it is meant."""
    x, top = place(picture, across, y)
    page.mouse.move(x - 20, top)
    page.mouse.move(x, top, steps=3)


def until(page, condition):
    """Wait for a condition in the page. (Playwright's own wait is refused by the policy.)"""
    wait_until(lambda: page.evaluate(condition), condition)


def rested_at(page, url, heading):
    expect(page).to_have_url(re.compile(f"{url}$"))
    expect(page.locator("h1")).to_have_text(heading)


def test_it_works(page):
    """From all centuries to a second, and not one page is loaded."""
    loads = []
    picture = enhanced(page, "/timeline/centuries/")
    page.on("load", lambda _: loads.append(page.url))
    for address, heading, across in [
        ("/timeline/centuries/20/", "20th century", 0.195),
        ("/timeline/1969/", "1969", 0.685),
        ("/timeline/1969/07/", "July 1969", 0.54),
        ("/timeline/1969/07/20/", "20 July 1969", 0.63),
        ("/timeline/1969/07/20/17/", "20 July 1969, 17:00–17:59", 0.73),
    ]:
        page.mouse.click(*place(picture, across))
        rested_at(page, address, heading)
    expect(page.locator(".moment").first).to_be_visible()
    for _ in range(4):
        page.get_by_role("button", name="Zoom in").click()
    expect(page.locator(".chart-status")).to_contain_text("20 July 1969, 17:")
    assert loads == []


def test_going_back_goes_back_through_what_was_seen(page):
    picture = enhanced(page, "/timeline/1969/")
    page.mouse.click(*place(picture, 0.54))
    rested_at(page, "/timeline/1969/07/", "July 1969")
    page.mouse.click(*place(picture, 0.63))
    rested_at(page, "/timeline/1969/07/20/", "20 July 1969")
    page.go_back()
    rested_at(page, "/timeline/1969/07/", "July 1969")
    page.go_back()
    rested_at(page, "/timeline/1969/", "1969")
    page.go_forward()
    rested_at(page, "/timeline/1969/07/", "July 1969")
    assert page.title() == "July 1969 · MomentVerse"


def test_the_wheel_zooms_at_the_pointer(page):
    picture = enhanced(page, "/timeline/1969/")
    point(page, picture, 0.54)
    for _ in range(13):
        page.mouse.wheel(0, -100)
    rested_at(page, "/timeline/1969/07/", "July 1969")


def test_the_wheel_scrolls_the_page_until_the_chart_is_meant(page):
    """Who scrolls past the chart is not held by it."""
    picture = enhanced(page, "/timeline/1969/")
    page.mouse.move(*place(picture, 0.5, 300))
    page.mouse.wheel(0, 60)
    until(page, "scrollY >= 60")
    page.mouse.move(*place(picture, 0.5))
    page.evaluate("dispatchEvent(new Event('scroll'))")
    before = page.evaluate("scrollY")
    page.mouse.wheel(0, 50)
    until(page, f"scrollY > {before}")
    assert page.evaluate(VIEW) is None


def drag(page, picture, start, end):
    page.mouse.move(*place(picture, start))
    page.mouse.down()
    page.mouse.move(*place(picture, end), steps=6)
    assert page.evaluate(VIEW) is None  # the page follows when the hand has let go
    page.mouse.up()
    until(page, "history.state !== null")


def test_a_drag_moves_and_does_not_open(new_page):
    page = new_page(reduced_motion="reduce", viewport={"width": 1440, "height": 900})
    picture = enhanced(page, "/timeline/1969/07/")
    drag(page, picture, 0.9, 0.1)
    rested_at(page, "/timeline/1969/08/", "August 1969")
    moved = page.evaluate(f"{VIEW}.from") - page.evaluate("Date.UTC(1969, 6, 1) / 1000")
    assert moved == pytest.approx(0.8 * 31 * 86_400, rel=0.01)
    assert page.evaluate("history.length") == 2  # a drag among months adds no step to go back


def test_a_drag_goes_as_far_as_the_hand_and_may_glide_on(page):
    picture = enhanced(page, "/timeline/1969/07/")
    drag(page, picture, 0.9, 0.1)
    moved = page.evaluate(f"{VIEW}.from") - page.evaluate("Date.UTC(1969, 6, 1) / 1000")
    # How fast the hand was when it let go depends on the machine.
    assert 0.79 * 31 * 86_400 < moved < 3 * 31 * 86_400


def test_a_press_that_ends_beyond_the_chart_holds_nothing(page):
    picture = enhanced(page, "/timeline/1969/07/")
    x, y = place(picture, 0.5)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 200, steps=3)
    page.mouse.up()
    page.mouse.move(x, y)
    page.mouse.move(x - 200, y, steps=5)
    page.get_by_role("button", name="Zoom in").click()
    until(page, "history.state !== null")
    middle = page.evaluate(f"({VIEW}.from + {VIEW}.to) / 2 - Date.UTC(1969, 6, 1) / 1000")
    assert middle == pytest.approx(15.5 * 86_400, abs=1)


def test_a_pinch_zooms(phone):
    picture = enhanced(phone, "/timeline/1969/")
    picture.scroll_into_view_if_needed()
    x, y = place(picture, 0.54)
    touch = phone.context.new_cdp_session(phone)

    def send(kind, *xs):
        points = [{"x": at, "y": y, "id": number} for number, at in enumerate(xs)]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    send("touchStart", x - 10)
    send("touchStart", x - 10, x + 10)
    for spread in range(10, 110, 5):
        send("touchMove", x - spread, x + spread)
    send("touchEnd")
    until(phone, "history.state !== null")
    span = phone.evaluate("history.state.to - history.state.from")
    assert span < 0.3 * 365 * 86_400
    assert "/timeline/1969/0" in phone.url


def test_the_keyboard_does_everything(page):
    enhanced(page, "/timeline/1969/")
    page.locator(".chart").focus()
    page.keyboard.press("Enter")
    rested_at(page, "/timeline/1969/07/", "July 1969")
    page.keyboard.press("PageDown")
    rested_at(page, "/timeline/1969/08/", "August 1969")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("-")
    page.keyboard.press("-")
    page.keyboard.press("-")
    page.keyboard.press("-")
    rested_at(page, "/timeline/1969/", "1969")
    page.keyboard.press("+")
    expect(page.locator(".chart-status")).to_contain_text("1969")
    outline = page.evaluate("getComputedStyle(document.querySelector('.chart')).outlineStyle")
    assert outline != "none"


@pytest.mark.parametrize(
    ("key", "url", "heading"),
    [("Home", "/timeline/0001/", "1"), ("End", "/timeline/9999/", "9999")],
)
def test_the_ends_of_time(page, key, url, heading):
    """Edge case 6: nothing lies beyond, at any width of the window."""
    enhanced(page, "/timeline/1969/")
    page.locator(".chart").focus()
    page.keyboard.press(key)
    rested_at(page, url, heading)
    page.keyboard.press("ArrowLeft" if key == "Home" else "ArrowRight")
    for _ in range(30):
        page.keyboard.press("+")
    page.keyboard.press(key)
    expect(page.locator("h1")).to_contain_text(
        "2 January 1, 00:00" if key == "Home" else "30 December 9999, 23:00"
    )
    for _ in range(40):
        page.keyboard.press("-")
    rested_at(page, "/timeline/centuries/", "All centuries")
    assert page.evaluate(f"[{VIEW}.from, {VIEW}.to]") == [-62135510400, 253402214400]


def test_a_reload_shows_the_same_window(page):
    enhanced(page, "/timeline/1969/")
    page.locator(".chart").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    words = "April 1969 to March 1970"
    expect(page.locator(".chart-status")).to_contain_text(words)
    until(page, "history.state !== null")
    page.reload()
    expect(page.locator(".chart-status")).to_contain_text(words)


def test_coming_back_from_a_moment_shows_the_same_window(page):
    enhanced(page, "/timeline/1969/07/20/")
    page.get_by_role("button", name="Later").click()
    words = "20 July 1969, 12:00 to 21 July 1969, 11:59"
    expect(page.locator(".chart-status")).to_contain_text(words)
    until(page, "history.state !== null")
    page.locator(".moment a").first.click()
    expect(page).to_have_url(re.compile("/moments/"))
    page.go_back()
    expect(page.locator(".chart-status")).to_contain_text(words)


def test_nothing_is_loaded_before_the_chart_is_near(new_page):
    """A short window: the chart is below it, and so is its script."""
    page = new_page(viewport={"width": 1440, "height": 120})
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.add_init_script(
        "addEventListener('DOMContentLoaded', () => { const space = document.createElement('p');"
        " space.style.height = '2000px'; document.querySelector('main').prepend(space); });"
    )
    page.goto("/timeline/1969/")
    page.wait_for_load_state("networkidle")
    assert not [url for url in asked if "chart" in url or "/api/" in url]
    page.locator(".chart").scroll_into_view_if_needed()
    expect(page.locator(".chart-tools")).to_be_attached()


def test_nothing_is_asked_before_somebody_reaches_for_it(page):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    picture = enhanced(page, "/timeline/1969/")
    page.wait_for_load_state("networkidle")
    assert not [url for url in asked if "/api/" in url]
    with page.expect_response("**/api/density/month?at=1961-01-01T00:00:00Z"):
        point(page, picture, 0.5)


def test_a_server_that_has_had_enough_is_left_alone_for_as_long_as_it_says(page, complaints):
    asked = []

    def refuse(route):
        asked.append(route.request.url)
        route.fulfill(status=429, headers={"Retry-After": "4"}, body="{}")

    page.route("**/api/**", refuse)
    enhanced(page, "/timeline/1969/")
    page.get_by_role("button", name="Later").click()
    rested_at(page, "/timeline/1970/", "1970")
    wait_until(lambda: asked, "something is asked")
    first = len(asked)
    for _ in range(3):
        page.get_by_role("button", name="Earlier").click()
    assert len(asked) == first
    page.unroute("**/api/**", refuse)
    complaints.clear()
    expect(page.locator(".chart-status")).to_contain_text("moments")
    complaints.clear()


def test_the_page_stays_where_it_is_when_the_chart_begins(page):
    """Nothing shifts: the place of the buttons was kept."""
    page.add_init_script(
        "globalThis.shifted = 0; new PerformanceObserver((list) => { for (const entry of"
        " list.getEntries()) shifted += entry.value; }).observe({ type: 'layout-shift', buffered: true });"
    )
    enhanced(page, "/timeline/1969/")
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate("shifted") == 0


@pytest.mark.parametrize("width", [320, 1440])
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_nothing_while_it_is_used(new_page, scheme, width):
    page = new_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    enhanced(page, "/timeline/1969/07/")
    page.get_by_role("button", name="Zoom in").click()
    expect(page.locator(".chart-status")).to_contain_text("July 1969")
    assert violations(page) == []
    assert not page.evaluate(
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )


def test_a_free_gap_leads_to_the_claim_form(page):
    picture = enhanced(page, "/timeline/1969/07/20/17/")
    page.get_by_role("button", name="Zoom out").click()
    until(page, "history.state !== null")
    point(page, picture, 0.5, 182)
    href = picture.locator("a").last.get_attribute("href")
    assert re.fullmatch(
        r"/claim/\?date=1969-07-20&time=\d\d:\d\d:\d\d&zone=UTC&hours=\d+&minutes=\d+&seconds=\d+",
        href,
    )


def test_a_moment_in_the_picture_leads_to_its_page(page):
    picture = enhanced(page, "/timeline/1969/07/20/17/")
    page.get_by_role("button", name="Zoom out").click()
    until(page, "history.state !== null")
    title = picture.locator(".chart-title text").first
    expect(title).to_contain_text("Flight")
    box = title.bounding_box()
    page.mouse.click(box["x"] + 5, box["y"] + 5)
    expect(page).to_have_url(re.compile("/moments/"))


def test_without_scripts_every_bar_is_a_link(new_page):
    page = new_page(java_script_enabled=False)
    page.goto("/timeline/1969/")
    page.locator(".chart-bar").first.click()
    rested_at(page, "/timeline/1969/07/", "July 1969")
    page.get_by_text("Free to claim").click()
    expect(page.locator(".gaps a").first).to_be_visible()


def test_who_wants_no_motion_gets_none(new_page):
    page = new_page(reduced_motion="reduce", viewport={"width": 1440, "height": 900})
    picture = enhanced(page, "/timeline/1969/")
    page.evaluate(
        "() => { globalThis.drawn = new Set(); const label = document.querySelector('.chart-svg');"
        " new MutationObserver(() => { const tick = document.querySelector('.chart-tick');"
        " if (tick) drawn.add(tick.getAttribute('d')); })"
        ".observe(label, { subtree: true, childList: true, attributes: true }); }"
    )
    page.mouse.click(*place(picture, 0.54))
    rested_at(page, "/timeline/1969/07/", "July 1969")
    assert page.evaluate("drawn.size") == 1


def test_few_nodes_and_few_bytes(page):
    """The goal: at most 1,500 nodes in the document and 20 kB of script."""
    sizes = []
    page.on(
        "response",
        lambda response: (
            sizes.append(int(response.headers.get("content-length", 0)))
            if response.url.endswith(".js")
            else None
        ),
    )
    picture = enhanced(page, "/timeline/centuries/20/")
    page.mouse.click(*place(picture, 0.685))
    rested_at(page, "/timeline/1969/", "1969")
    assert page.evaluate("document.querySelectorAll('*').length") <= 1500
    assert len(sizes) >= 7
    assert sum(sizes) <= 20_000


@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_shifts_when_the_tools_come(page, width, complaints):
    page.set_viewport_size({"width": width, "height": 800})
    figure = page.locator(".chart")
    page.route("**/chart.*.js", lambda route: route.abort())
    with page.expect_event("requestfailed", lambda request: "/chart." in request.url):
        page.goto("/timeline/1969/")
    before = figure.bounding_box()["height"]
    page.unroute("**/chart.*.js")
    complaints.clear()
    enhanced(page, "/timeline/1969/")
    assert abs(figure.bounding_box()["height"] - before) < 0.1
