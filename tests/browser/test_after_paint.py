"""A page's own module and the manifest: asked for when the page has been seen, and not before."""

from __future__ import annotations

import pytest

TIMES = (
    "(part) => performance.getEntriesByType('resource')"
    ".find(({ name }) => name.includes(part))?.toJSON()"
)
ASKED = f"() => ({TIMES})('js/home')?.startTime"
PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"


def test_it_works(page):
    page.goto("/")
    asked = page.wait_for_function(ASKED).json_value()
    assert asked >= page.evaluate(PAINTED) > 0


def test_a_browser_that_does_not_tell_of_its_paints_asks_too(page):
    page.add_init_script("PerformanceObserver.prototype.observe = () => {}")
    page.goto("/")
    page.wait_for_function(ASKED)


def test_a_picture_comes_first(page):
    page.goto("/stars/")
    times = page.wait_for_function(
        f"() => ({TIMES})('js/lazy') && [({TIMES})('js/lazy'), ({TIMES})('faint')]"
    )
    module, picture = times.json_value()
    assert module["startTime"] >= picture["responseEnd"] > 0


def test_a_picture_that_does_not_come_is_not_waited_for(page):
    page.route("**/stars/faint.svg", lambda route: None)
    with page.expect_request("**/js/lazy*"):
        page.goto("/stars/", wait_until="commit")


def test_each_is_asked_for_once(page):
    """By the paint, and not again when the page has been loaded for long."""
    page.clock.install()  # Chromium's own times are hidden from here on
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    with page.expect_request("**/js/home*"):
        page.goto("/")
    page.clock.run_for(10_000)
    assert len([url for url in asked if "js/home" in url]) == 1
    assert page.locator("link[rel=manifest]").count() == 1


@pytest.mark.parametrize("scripts", [True, False])
def test_there_is_one_manifest(new_page, scripts):
    page = new_page(java_script_enabled=scripts)
    page.goto("/claim/")
    manifest = page.locator("link[rel=manifest]")
    manifest.wait_for(state="attached")
    assert manifest.count() == 1
    assert manifest.get_attribute("href") == "/manifest.webmanifest"
