"""The interactive chart: drag, wheel, pinch, keys, addresses and history; and the chart without scripts."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_accessibility import find_violations
from tests.support.servers import wait_until

pytestmark = pytest.mark.motion

# The visible window, in seconds since 1970: `from` and `to`.
VIEW = "history.state"


def open_chart(page, url):
    """Open a page, wait until its chart is interactive, and return its SVG."""
    page.goto(url)
    expect(page.locator(".chart-tools")).to_be_visible()
    return page.locator(".chart-svg")


def get_position(chart, x_ratio, y=80):
    """Return a position in the viewport. ``x_ratio`` is 0 at the chart's left edge and 1 at its right."""
    box = chart.bounding_box()
    return box["x"] + box["width"] * x_ratio, box["y"] + y


def move_pointer(page, chart, x_ratio, y=80):
    """Move the pointer in steps, as a hand does, so that the chart starts to take wheel events."""
    x, top = get_position(chart, x_ratio, y)
    page.mouse.move(x - 20, top)
    page.mouse.move(x, top, steps=3)


def until(page, condition):
    """Wait for a condition in the page. (The policy blocks Playwright's own wait for expressions.)"""
    wait_until(lambda: page.evaluate(condition), condition)


def expect_page(page, url, heading):
    expect(page).to_have_url(re.compile(f"{url}$"))
    expect(page.locator("h1")).to_have_text(heading)


def test_it_works(page):
    """Zoom from all centuries to a second without loading a page."""
    loaded_pages = []
    chart = open_chart(page, "/timeline/centuries/")
    page.on("load", lambda _: loaded_pages.append(page.url))
    for address, heading, x_ratio in [
        ("/timeline/centuries/20/", "20th century", 0.195),
        ("/timeline/1969/", "1969", 0.685),
        ("/timeline/1969/07/", "July 1969", 0.54),
        ("/timeline/1969/07/20/", "20 July 1969", 0.63),
        ("/timeline/1969/07/20/17/", "20 July 1969, 17:00–17:59", 0.73),
    ]:
        page.mouse.click(*get_position(chart, x_ratio))
        expect_page(page, address, heading)
    expect(page.locator(".moment").first).to_be_visible()
    for _ in range(4):
        page.get_by_role("button", name="Zoom in").click()
    expect(page.locator(".chart-status")).to_contain_text("20 July 1969, 17:")
    assert loaded_pages == []


def test_back_and_forward_restore_earlier_views(page):
    chart = open_chart(page, "/timeline/1969/")
    page.mouse.click(*get_position(chart, 0.54))
    expect_page(page, "/timeline/1969/07/", "July 1969")
    page.mouse.click(*get_position(chart, 0.63))
    expect_page(page, "/timeline/1969/07/20/", "20 July 1969")
    page.go_back()
    expect_page(page, "/timeline/1969/07/", "July 1969")
    page.go_back()
    expect_page(page, "/timeline/1969/", "1969")
    page.go_forward()
    expect_page(page, "/timeline/1969/07/", "July 1969")
    assert page.title() == "July 1969 · MomentVerse"


def test_wheel_zooms_at_the_pointer(page):
    chart = open_chart(page, "/timeline/1969/")
    move_pointer(page, chart, 0.54)
    for _ in range(13):
        page.mouse.wheel(0, -100)
    expect_page(page, "/timeline/1969/07/", "July 1969")


def test_wheel_scrolls_the_page_until_the_pointer_moves_on_the_chart(page):
    """Scrolling past the chart does not zoom it."""
    chart = open_chart(page, "/timeline/1969/")
    page.mouse.move(*get_position(chart, 0.5, 300))
    page.mouse.wheel(0, 60)
    until(page, "scrollY >= 60")
    page.mouse.move(*get_position(chart, 0.5))
    page.evaluate("dispatchEvent(new Event('scroll'))")
    before = page.evaluate("scrollY")
    page.mouse.wheel(0, 50)
    until(page, f"scrollY > {before}")
    assert page.evaluate(VIEW) is None


def drag(page, chart, start, end):
    page.mouse.move(*get_position(chart, start))
    page.mouse.down()
    page.mouse.move(*get_position(chart, end), steps=6)
    assert page.evaluate(VIEW) is None  # the address changes when the button is released
    page.mouse.up()
    until(page, "history.state !== null")


def test_drag_moves_the_chart_without_opening_a_page(new_page):
    page = new_page(reduced_motion="reduce", viewport={"width": 1440, "height": 900})
    chart = open_chart(page, "/timeline/1969/07/")
    drag(page, chart, 0.9, 0.1)
    expect_page(page, "/timeline/1969/08/", "August 1969")
    moved = page.evaluate(f"{VIEW}.from") - page.evaluate("Date.UTC(1969, 6, 1) / 1000")
    assert moved == pytest.approx(0.8 * 31 * 86_400, rel=0.01)
    assert page.evaluate("history.length") == 2  # a drag from month to month adds no history entry


def test_drag_follows_the_pointer_and_may_glide_on(page):
    chart = open_chart(page, "/timeline/1969/07/")
    drag(page, chart, 0.9, 0.1)
    moved = page.evaluate(f"{VIEW}.from") - page.evaluate("Date.UTC(1969, 6, 1) / 1000")
    # The speed at the release, and so the length of the glide, depends on the machine.
    assert 0.79 * 31 * 86_400 < moved < 3 * 31 * 86_400


def test_press_released_outside_the_chart_ends_the_drag(page):
    chart = open_chart(page, "/timeline/1969/07/")
    x, y = get_position(chart, 0.5)
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


def test_pinch_zooms(phone):
    chart = open_chart(phone, "/timeline/1969/")
    chart.scroll_into_view_if_needed()
    x, y = get_position(chart, 0.54)
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


def test_chart_is_operated_by_keyboard(page):
    open_chart(page, "/timeline/1969/")
    page.locator(".chart").focus()
    page.keyboard.press("Enter")
    expect_page(page, "/timeline/1969/07/", "July 1969")
    page.keyboard.press("PageDown")
    expect_page(page, "/timeline/1969/08/", "August 1969")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("-")
    page.keyboard.press("-")
    page.keyboard.press("-")
    page.keyboard.press("-")
    expect_page(page, "/timeline/1969/", "1969")
    page.keyboard.press("+")
    expect(page.locator(".chart-status")).to_contain_text("1969")
    outline = page.evaluate("getComputedStyle(document.querySelector('.chart')).outlineStyle")
    assert outline != "none"


@pytest.mark.parametrize(
    ("key", "url", "heading"),
    [("Home", "/timeline/0001/", "1"), ("End", "/timeline/9999/", "9999")],
)
def test_chart_stops_at_both_ends_of_time(page, key, url, heading):
    """Edge case 6: there is nothing beyond, however wide the visible window is."""
    open_chart(page, "/timeline/1969/")
    page.locator(".chart").focus()
    page.keyboard.press(key)
    expect_page(page, url, heading)
    page.keyboard.press("ArrowLeft" if key == "Home" else "ArrowRight")
    for _ in range(30):
        page.keyboard.press("+")
    page.keyboard.press(key)
    expect(page.locator("h1")).to_contain_text(
        "2 January 1, 00:00" if key == "Home" else "30 December 9999, 23:00"
    )
    for _ in range(40):
        page.keyboard.press("-")
    expect_page(page, "/timeline/centuries/", "All centuries")
    assert page.evaluate(f"[{VIEW}.from, {VIEW}.to]") == [-62135510400, 253402214400]


def test_reload_shows_the_same_window(page):
    open_chart(page, "/timeline/1969/")
    page.locator(".chart").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    window = "April 1969 to March 1970"
    expect(page.locator(".chart-status")).to_contain_text(window)
    until(page, "history.state !== null")
    page.reload()
    expect(page.locator(".chart-status")).to_contain_text(window)


def test_going_back_from_a_moment_shows_the_same_window(page):
    open_chart(page, "/timeline/1969/07/20/")
    page.get_by_role("button", name="Later").click()
    window = "20 July 1969, 12:00 to 21 July 1969, 11:59"
    expect(page.locator(".chart-status")).to_contain_text(window)
    until(page, "history.state !== null")
    page.locator(".moment a").first.click()
    expect(page).to_have_url(re.compile("/moments/"))
    page.go_back()
    expect(page.locator(".chart-status")).to_contain_text(window)


def test_script_is_not_loaded_before_the_chart_is_near(new_page):
    """The viewport is short, so the chart is below it."""
    page = new_page(viewport={"width": 1440, "height": 120})
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.add_init_script(
        "addEventListener('DOMContentLoaded', () => { const space = document.createElement('p');"
        " space.style.height = '2000px'; document.querySelector('main').prepend(space); });"
    )
    page.goto("/timeline/1969/")
    page.wait_for_load_state("networkidle")
    assert not [url for url in requests if "chart" in url or "/api/" in url]
    page.locator(".chart").scroll_into_view_if_needed()
    expect(page.locator(".chart-tools")).to_be_attached()


def test_api_is_not_requested_before_the_pointer_reaches_the_chart(page):
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    chart = open_chart(page, "/timeline/1969/")
    page.wait_for_load_state("networkidle")
    assert not [url for url in requests if "/api/" in url]
    with page.expect_response("**/api/density/month?at=1961-01-01T00:00:00Z"):
        move_pointer(page, chart, 0.5)


def test_retry_after_of_the_server_is_respected(page, browser_errors):
    requests = []

    def refuse(route):
        requests.append(route.request.url)
        route.fulfill(status=429, headers={"Retry-After": "4"}, body="{}")

    page.route("**/api/**", refuse)
    open_chart(page, "/timeline/1969/")
    page.get_by_role("button", name="Later").click()
    expect_page(page, "/timeline/1970/", "1970")
    wait_until(lambda: requests, "the API is requested")
    first = len(requests)
    for _ in range(3):
        page.get_by_role("button", name="Earlier").click()
    assert len(requests) == first
    page.unroute("**/api/**", refuse)
    browser_errors.clear()
    expect(page.locator(".chart-status")).to_contain_text("moments")
    browser_errors.clear()


def test_layout_does_not_shift_when_the_chart_becomes_interactive(page):
    """Space for the buttons is reserved."""
    page.add_init_script(
        "globalThis.shifted = 0; new PerformanceObserver((list) => { for (const entry of"
        " list.getEntries()) shifted += entry.value; }).observe({ type: 'layout-shift', buffered: true });"
    )
    open_chart(page, "/timeline/1969/")
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate("shifted") == 0


@pytest.mark.parametrize("width", [320, 1440])
@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_finds_no_violation_after_zooming(new_page, scheme, width):
    page = new_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    open_chart(page, "/timeline/1969/07/")
    page.get_by_role("button", name="Zoom in").click()
    expect(page.locator(".chart-status")).to_contain_text("July 1969")
    assert find_violations(page) == []
    assert not page.evaluate(
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )


def test_free_gap_links_to_the_claim_form(page):
    chart = open_chart(page, "/timeline/1969/07/20/17/")
    page.get_by_role("button", name="Zoom out").click()
    until(page, "history.state !== null")
    move_pointer(page, chart, 0.5, 182)
    href = chart.locator("a").last.get_attribute("href")
    assert re.fullmatch(
        r"/claim/\?date=1969-07-20&time=\d\d:\d\d:\d\d&zone=UTC&hours=\d+&minutes=\d+&seconds=\d+",
        href,
    )


def test_moment_in_the_chart_links_to_its_page(page):
    chart = open_chart(page, "/timeline/1969/07/20/17/")
    page.get_by_role("button", name="Zoom out").click()
    until(page, "history.state !== null")
    title = chart.locator(".chart-title text").first
    expect(title).to_contain_text("Flight")
    box = title.bounding_box()
    page.mouse.click(box["x"] + 5, box["y"] + 5)
    expect(page).to_have_url(re.compile("/moments/"))


def test_every_bar_is_a_link_without_scripts(new_page):
    page = new_page(java_script_enabled=False)
    page.goto("/timeline/1969/")
    page.locator(".chart-bar").first.click()
    expect_page(page, "/timeline/1969/07/", "July 1969")
    page.get_by_text("Free to claim").click()
    expect(page.locator(".gaps a").first).to_be_visible()


def test_reduced_motion_turns_animation_off(new_page):
    page = new_page(reduced_motion="reduce", viewport={"width": 1440, "height": 900})
    chart = open_chart(page, "/timeline/1969/")
    page.evaluate(
        "() => { globalThis.drawn = new Set(); const label = document.querySelector('.chart-svg');"
        " new MutationObserver(() => { const tick = document.querySelector('.chart-tick');"
        " if (tick) drawn.add(tick.getAttribute('d')); })"
        ".observe(label, { subtree: true, childList: true, attributes: true }); }"
    )
    page.mouse.click(*get_position(chart, 0.54))
    expect_page(page, "/timeline/1969/07/", "July 1969")
    assert page.evaluate("drawn.size") == 1


def test_document_and_scripts_stay_small(page):
    """At most 1,500 nodes in the document and 20 kB of scripts."""
    sizes = []
    page.on(
        "response",
        lambda response: (
            sizes.append(int(response.headers.get("content-length", 0)))
            if response.url.endswith(".js")
            else None
        ),
    )
    chart = open_chart(page, "/timeline/centuries/20/")
    page.mouse.click(*get_position(chart, 0.685))
    expect_page(page, "/timeline/1969/", "1969")
    assert page.evaluate("document.querySelectorAll('*').length") <= 1500
    assert len(sizes) >= 7
    assert sum(sizes) <= 20_000


@pytest.mark.parametrize("width", [390, 1440])
def test_tools_appear_without_layout_shift(page, width, browser_errors):
    page.set_viewport_size({"width": width, "height": 800})
    figure = page.locator(".chart")
    page.route("**/chart.*.js", lambda route: route.abort())
    with page.expect_event("requestfailed", lambda request: "/chart." in request.url):
        page.goto("/timeline/1969/")
    before = figure.bounding_box()["height"]
    page.unroute("**/chart.*.js")
    browser_errors.clear()
    open_chart(page, "/timeline/1969/")
    assert abs(figure.bounding_box()["height"] - before) < 0.1
