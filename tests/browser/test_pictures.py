"""Pictures on a moment's page, from upload to removal, and a moment's card embedded on another site."""

from __future__ import annotations

import itertools
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import expect

from tests.browser.test_accessibility import find_violations
from tests.browser.test_account import PASSWORD, sign_in
from tests.browser.test_layout import OVERFLOWS
from tests.support.picture_samples import build_exif, build_picture, build_png, encode_image

CREATE_MOMENT = """
import datetime as dt, json
from accounts.models import User
from timeline.models import Moment, Status
from timeline.services.placement import save_moment
owner = User.objects.create_user("{handle}@example.org", "{handle}", "{password}")
owner.mark_email_verified()
starts_at = dt.datetime(1969, 8, 1, {number}, tzinfo=dt.UTC)
moment = save_moment(Moment(user=owner, title="The gallery opens {number}", status=Status.ACTIVE,
                      starts_at=starts_at, ends_at=starts_at + dt.timedelta(minutes=1)))
print("created " + json.dumps([moment.public_id, moment.get_absolute_url()]))
"""
numbers = itertools.count()


@pytest.fixture
def own_moment(site):
    """A user with a moment: the user's e-mail address, the moment's id and the address of its page."""
    number = next(numbers)
    handle = f"gallerist-{number}"
    script = CREATE_MOMENT.format(handle=handle, password=PASSWORD, number=number)
    output = site.manage("shell", script=script)
    return f"{handle}@example.org", *json.loads(output.rpartition("created ")[2])


def upload(page, content: bytes, alt: str = "") -> None:
    files = {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": content}
    page.get_by_label("picture").first.set_input_files(files)
    page.get_by_label("What it shows").fill(alt)
    page.get_by_role("button", name="Save it").click()


def is_on_top(image) -> bool:
    """Return whether no other element covers the image at its centre."""
    return image.evaluate(
        """image => {
             const box = image.getBoundingClientRect();
             return document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2) === image;
           }"""
    )


def is_loaded(image) -> bool:
    """Wait until the image is decoded, and return whether it has any pixels."""
    return image.evaluate("image => image.decode().then(() => image.naturalWidth > 0)")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_it_works(new_page, own_moment, scripts):
    address, _, moment = own_moment
    page = new_page(java_script_enabled=scripts, viewport={"width": 1440, "height": 900})
    sign_in(page, address)
    page.goto(moment)
    page.get_by_role("link", name="Add a picture").click()
    upload(page, encode_image(build_picture(1600, 1000), exif=build_exif()), "Red beside blue")
    expect(page.get_by_role("img", name="Red beside blue")).to_be_visible()
    page.goto(moment)
    image = page.get_by_role("img", name="Red beside blue")
    box = image.bounding_box()
    assert box["width"] == pytest.approx(896, abs=2)
    assert box["height"] == pytest.approx(896 * 1000 / 1600, abs=2)
    if scripts:
        assert is_loaded(image)
        assert image.evaluate("image => image.currentSrc").endswith("/960.avif")
        assert is_on_top(image)  # it covers its placeholder
        assert find_violations(page) == []
    page.get_by_role("link", name="Change its picture").click()
    page.get_by_role("button", name="Take the picture off").click()
    expect(page.get_by_role("status")).to_contain_text("The picture is gone")
    expect(page.get_by_role("img", name="Red beside blue")).to_have_count(0)


def test_unusable_file_is_reported_at_the_field(page, own_moment, browser_errors):
    address, public_id, _ = own_moment
    sign_in(page, address)
    page.goto(f"/moments/{public_id}/picture/")
    upload(page, b"GIF89a and more")
    expect(page.locator(".errorlist")).to_contain_text("no picture that we can take")
    browser_errors.clear()  # a browser reports the 400 itself
    upload(page, build_png(50_000, 50_000))
    expect(page.get_by_role("alert")).to_contain_text("too many pixels")
    assert find_violations(page) == []


def test_too_large_file_is_reported_on_a_page(page, own_moment, browser_errors, tmp_path):
    """The connection is not just closed."""
    address, public_id, _ = own_moment
    sign_in(page, address)
    page.goto(f"/moments/{public_id}/picture/")
    large = tmp_path / "large.jpg"
    large.write_bytes(encode_image(build_picture()) + b"x" * 30_000_000)
    page.get_by_label("picture").first.set_input_files(large)
    page.get_by_role("button", name="Save it").click()
    expect(page.locator("main")).to_contain_text("too large: 16 MB at most")
    browser_errors.clear()  # a browser reports the 400 itself


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("width", [320, 390, 1440])
def test_picture_fits_every_page(new_page, own_moment, width, scheme):
    address, public_id, moment = own_moment
    page = new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    sign_in(page, address)
    page.goto(f"/moments/{public_id}/picture/")
    upload(page, encode_image(build_picture(900, 1600)), "Two halves, tall")
    expect(page.get_by_role("img", name="Two halves, tall")).to_be_visible()
    for path in (f"/moments/{public_id}/picture/", moment, "/timeline/1969/08/01/"):
        page.goto(path)
        assert not page.evaluate(OVERFLOWS), path
        assert find_violations(page) == [], path
    small = page.locator(".picture-small img").first
    small.scroll_into_view_if_needed()
    assert is_loaded(small)


def test_picture_loads_without_layout_shift(page, own_moment):
    """Space for it is reserved."""
    address, public_id, moment = own_moment
    sign_in(page, address)
    page.goto(f"/moments/{public_id}/picture/")
    upload(page, encode_image(build_picture(1600, 1000)), "Two halves")
    expect(page.get_by_role("img", name="Two halves")).to_be_visible()
    page.goto(moment)
    assert is_loaded(page.get_by_role("img", name="Two halves"))
    shift = page.evaluate(
        """() => new Promise(resolve => {
             let sum = 0;
             new PerformanceObserver(list => {
               for (const entry of list.getEntries()) sum += entry.value;
             }).observe({ type: "layout-shift", buffered: true });
             requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum)));
           })"""
    )
    assert shift == 0


EMBEDDING_PAGE = """<!doctype html><html lang="en"><title>Somebody else's page</title>
<main><h1>A page of somebody else</h1>
<iframe title="A moment" width="480" height="240" src="{}"></iframe></main>"""


@pytest.fixture
def serve_embedding_page():
    """Return a function that serves a page with an address of ours in a frame, and returns its URL."""
    servers = []

    def serve(address: str) -> str:
        class Page(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                if self.path == "/":
                    self.wfile.write(EMBEDDING_PAGE.format(address).encode())

            def log_message(self, *arguments):
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Page))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://localhost:{servers[-1].server_port}/"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_card_is_shown_on_other_sites(new_page, site, own_moment, serve_embedding_page, scheme):
    _, public_id, moment = own_moment
    page = new_page(color_scheme=scheme)
    page.goto(serve_embedding_page(f"{site.url}/embed/{public_id}/"))
    card = page.frame_locator("iframe")
    heading = card.get_by_role("heading")
    expect(heading).to_contain_text("The gallery opens")
    # The card's own style is applied. Its policy allows no other.
    assert heading.evaluate("heading => getComputedStyle(heading).fontSize") == "23px"
    frame = page.frames[1]
    assert not frame.evaluate(OVERFLOWS)
    assert not frame.evaluate(OVERFLOWS.replace("Width", "Height"))
    assert card.locator("a").get_attribute("href") == site.url + moment
    assert find_violations(page) == []


def test_other_pages_are_not_shown_on_other_sites(
    new_page, browser_errors, site, own_moment, serve_embedding_page
):
    _, _, moment = own_moment
    page = new_page()
    page.goto(serve_embedding_page(site.url + moment))
    expect(page.get_by_role("heading", name="A page of somebody else")).to_be_visible()
    assert page.frame_locator("iframe").locator(".moment-page").count() == 0
    assert any("frame-ancestors" in message for message in browser_errors.messages)
    browser_errors.clear()
