"""The stars: a chart for everybody, and space for who asks for it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.support.servers import wait_until


def asked(page):
    """Open the page and ask for space."""
    page.goto("/stars/")
    page.get_by_role("button", name="Look around in 3D").click()
    scene = page.get_by_role("application")
    expect(scene).to_be_focused()
    return scene


@pytest.fixture
def page(new_page):
    opened = new_page(viewport={"width": 1200, "height": 900})
    opened.goto("/stars/")
    if not opened.evaluate("!!document.createElement('canvas').getContext('webgl2')"):
        pytest.skip("no WebGL2 here")
    return opened


def test_it_works(page):
    """Keys turn, zoom and open the star in the middle."""
    asked(page)
    said = page.locator(".sky-status")
    expect(said).to_have_text("From the Sun.")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("-")
    for _ in range(8):
        page.keyboard.press("-")
    expect(said).to_contain_text("light-years from the Sun")
    for _ in range(30):
        page.keyboard.press("+")
    expect(said).to_contain_text("From the Sun")


def test_a_star_is_picked(page):
    scene = asked(page)
    box = scene.bounding_box()
    said = page.locator(".sky-status")

    def pointed_at_a_star():
        for across in range(1, 20):
            for along in range(1, 10):
                page.mouse.move(
                    box["x"] + box["width"] * across / 20, box["y"] + box["height"] * along / 10
                )
                if not said.inner_text().startswith("From"):
                    page.mouse.down()
                    page.mouse.up()
                    return True
        return False

    wait_until(pointed_at_a_star, "a star is under the pointer")
    expect(page).to_have_url(re.compile(r"/stars/\d+/$"))
    expect(page.locator(".sky-marker")).to_be_attached()


def test_it_draws_stars_and_a_drag_turns_them(page):
    scene = asked(page)
    box = scene.bounding_box()
    first = scene.screenshot()
    page.mouse.move(box["x"] + 300, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 500, box["y"] + 250, steps=5)
    page.mouse.up()
    wait_until(lambda: scene.screenshot() != first, "the stars have turned")
    assert page.url.endswith("/stars/")


def test_nothing_is_loaded_before_it_is_asked_for(page):
    asked_for = []
    page.on("request", lambda request: asked_for.append(request.url))
    page.goto("/stars/")
    page.wait_for_load_state("networkidle")
    assert not [url for url in asked_for if "sky" in url or "packed" in url]


def test_who_wants_no_motion_is_not_offered_any(new_page):
    page = new_page(reduced_motion="reduce")
    page.goto("/stars/")
    expect(page.get_by_role("button")).to_have_count(0)


def test_without_scripts_a_star_is_chosen_on_the_chart(new_page):
    page = new_page(java_script_enabled=False, viewport={"width": 1200, "height": 900})
    page.goto("/stars/")
    expect(page.get_by_role("button")).to_have_count(0)
    page.locator(".sky a").first.click()
    expect(page.locator("h1")).to_have_text("Sirius")
    page.get_by_role("link", name=re.compile(r"^20\d\d$")).click()
    expect(page).to_have_url(re.compile(r"/timeline/20\d\d/"))


def test_it_is_small(page):
    sizes = {}
    page.on(
        "response",
        lambda response: sizes.update({response.url: response.headers.get("content-length")}),
    )
    asked(page)
    (script,) = [int(size) for url, size in sizes.items() if "/sky." in url]
    assert script <= 8000
