"""A page's own module and the manifest are requested after the first paint, not before."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.motion

RESOURCE_TIMING = (
    "(part) => performance.getEntriesByType('resource')"
    ".find(({ name }) => name.includes(part))?.toJSON()"
)
REQUESTED_AT = f"() => ({RESOURCE_TIMING})('js/home')?.startTime"
PAINTED_AT = "() => performance.getEntriesByName('first-contentful-paint')[0].startTime"


def test_it_works(page):
    page.goto("/")
    requested_at = page.wait_for_function(REQUESTED_AT).json_value()
    assert requested_at >= page.evaluate(PAINTED_AT) > 0


def test_module_is_requested_without_paint_timing(page):
    page.add_init_script("PerformanceObserver.prototype.observe = () => {}")
    page.goto("/")
    page.wait_for_function(REQUESTED_AT)


def test_image_is_loaded_before_the_module(page):
    page.goto("/stars/")
    timings = page.wait_for_function(
        f"() => ({RESOURCE_TIMING})('js/lazy')"
        f" && [({RESOURCE_TIMING})('js/lazy'), ({RESOURCE_TIMING})('faint')]"
    )
    module, image = timings.json_value()
    assert module["startTime"] >= image["responseEnd"] > 0


def test_module_does_not_wait_for_an_image_that_never_arrives(page):
    page.route("**/stars/faint.svg", lambda route: None)
    with page.expect_request("**/js/lazy*"):
        page.goto("/stars/", wait_until="commit")


def test_module_and_manifest_are_requested_once(page):
    """After the paint, and not again when the page has been open for a while."""
    page.clock.install()  # from here on, Chromium's own times are not available
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    with page.expect_request("**/js/home*"):
        page.goto("/")
    page.clock.run_for(10_000)
    assert len([url for url in requests if "js/home" in url]) == 1
    assert page.locator("link[rel=manifest]").count() == 1


@pytest.mark.parametrize("scripts", [True, False])
def test_page_has_one_manifest(new_page, scripts):
    page = new_page(java_script_enabled=scripts)
    page.goto("/claim/")
    manifest = page.locator("link[rel=manifest]")
    manifest.wait_for(state="attached")
    assert manifest.count() == 1
    assert manifest.get_attribute("href") == "/manifest.webmanifest"
