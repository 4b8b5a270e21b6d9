"""The stars: a chart on the page, and a 3D view that is loaded on demand."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.support.servers import wait_until

pytestmark = pytest.mark.motion


def open_3d_view(page):
    """Open the page and its 3D view, and return the view."""
    page.goto("/stars/")
    page.get_by_role("button", name="Look around in 3D").click()
    scene = page.get_by_role("application")
    expect(scene).to_be_focused()
    return scene


@pytest.fixture
def page(new_page):
    page = new_page(viewport={"width": 1200, "height": 900})
    page.goto("/stars/")
    if not page.evaluate("!!document.createElement('canvas').getContext('webgl2')"):
        pytest.skip("no WebGL2 here")
    return page


def test_it_works(page):
    """Keys turn the view, zoom out and zoom in again."""
    open_3d_view(page)
    status = page.locator(".sky-status")
    expect(status).to_have_text("From the Sun.")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("-")
    for _ in range(8):
        page.keyboard.press("-")
    expect(status).to_contain_text("light-years from the Sun")
    for _ in range(30):
        page.keyboard.press("+")
    expect(status).to_contain_text("From the Sun")


def test_clicked_star_is_opened(page):
    scene = open_3d_view(page)
    box = scene.bounding_box()
    status = page.locator(".sky-status")

    def find_and_click_star():
        for column in range(1, 20):
            for row in range(1, 10):
                page.mouse.move(
                    box["x"] + box["width"] * column / 20, box["y"] + box["height"] * row / 10
                )
                if not status.inner_text().startswith("From"):
                    page.mouse.down()
                    page.mouse.up()
                    return True
        return False

    wait_until(find_and_click_star, "a star is under the pointer")
    expect(page).to_have_url(re.compile(r"/stars/\d+/$"))
    expect(page.locator(".sky-marker")).to_be_attached()


def test_drag_turns_the_stars(page):
    scene = open_3d_view(page)
    box = scene.bounding_box()
    first = scene.screenshot()
    page.mouse.move(box["x"] + 300, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 500, box["y"] + 250, steps=5)
    page.mouse.up()
    wait_until(lambda: scene.screenshot() != first, "the stars have turned")
    assert page.url.endswith("/stars/")


def test_3d_view_is_not_loaded_before_it_is_opened(page):
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    page.goto("/stars/")
    page.wait_for_load_state("networkidle")
    assert not [url for url in requests if "sky" in url or "packed" in url]


def test_3d_view_is_not_offered_with_reduced_motion(new_page):
    page = new_page(reduced_motion="reduce")
    page.goto("/stars/")
    expect(page.get_by_role("button")).to_have_count(0)


def test_star_is_chosen_on_the_chart_without_scripts(new_page):
    page = new_page(java_script_enabled=False, viewport={"width": 1200, "height": 900})
    page.goto("/stars/")
    expect(page.get_by_role("button")).to_have_count(0)
    page.locator(".sky a").first.click()
    expect(page.locator("h1")).to_have_text("Sirius")
    page.get_by_role("link", name=re.compile(r"^20\d\d$")).click()
    expect(page).to_have_url(re.compile(r"/timeline/20\d\d/"))


def test_script_of_the_3d_view_is_small(page):
    sizes = {}
    page.on(
        "response",
        lambda response: sizes.update({response.url: response.headers.get("content-length")}),
    )
    open_3d_view(page)
    (script,) = [int(size) for url, size in sizes.items() if "/sky." in url]
    assert script <= 8000
