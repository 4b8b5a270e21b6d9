"""The sky's pages."""

from __future__ import annotations

import gzip
import re
from array import array
from xml.etree import ElementTree as ET

import pytest

from timeline.stars.catalogue import get_star, list_visible_stars
from timeline.stars.chart import build_dot, format_position, get_departure_year, project

pytestmark = pytest.mark.embedded


def test_it_works(client):
    response = client.get("/stars/")
    assert response.status_code == 200
    assert "7,982 stars can be seen" in response.text
    assert '<a href="/stars/32349/">Sirius</a>' in response.text
    chart = ET.fromstring(re.search(r'<svg class="sky".*?</svg>', response.text, re.DOTALL).group())
    linked = [link.get("href") for link in chart.iter("a")]
    assert linked[0] == "/stars/32349/"
    assert len(linked) == len(set(linked)) > 250


def test_page_of_a_star(client):
    page = client.get("/stars/27989/").text
    assert "<h1>Betelgeuse</h1>" in page
    assert "constellation Orion" in page
    assert re.search(r'set out around <a href="/timeline/15\d\d/">15\d\d</a>', page)
    assert "HIP 27989" in page
    assert page.count('class="sky-marker"') == 1


def test_faint_star_has_a_page(client):
    page = client.get("/stars/70890/").text
    assert "too faint for the naked eye" in page
    assert "4.2 light-years" in page


def test_unknown_distance_is_explained(client):
    page = client.get("/stars/1/").text
    assert "too far away" in page
    assert "light-years" not in page


@pytest.mark.parametrize("hip", ["0", "007", "120405", "999999", "1e3", "-1", "9" * 50])
def test_nonexistent_star_is_404(client, db, hip):
    assert client.get(f"/stars/{hip}/").status_code == 404


def test_pages_are_publicly_cacheable(client):
    for url in ("/stars/", "/stars/1/", "/stars/faint.svg", "/stars/packed"):
        response = client.get(url)
        assert response["Cache-Control"].startswith("public")
        again = client.get(url, headers={"If-None-Match": response["ETag"]})
        assert again.status_code == 304


@pytest.mark.parametrize("url", ["/stars/faint.svg", "/stars/packed"])
def test_browsers_cache_the_files_for_a_day(client, url):
    """With `stale-while-revalidate` Chromium would request the file twice during the first visit."""
    assert client.get(url)["Cache-Control"].startswith("public, max-age=86400, s-maxage=")


def test_light_of_a_distant_star_departed_before_the_timeline(client):
    """Edge case 6: no year 0."""
    far = next(
        star for star in list_visible_stars() if star.light_years and star.light_years > 2100
    )
    assert get_departure_year(far, 2026) is None
    assert "before the timeline begins" in client.get(f"/stars/{far.hip}/").text
    assert get_departure_year(get_star(32349), 10).first_day.year == 1
    assert get_departure_year(get_star(32349), 9) is None


def test_all_stars_are_inside_the_chart():
    for star in list_visible_stars():
        dot = build_dot(star)
        inside = ((dot.x - 500) / 499) ** 2 + ((dot.y - 250) / 249) ** 2
        assert inside <= 1
        assert 0.5 <= dot.radius < 5


def test_projection_is_seen_from_inside():
    """North is up and east to the left."""
    assert project(3.1416, 0) == (pytest.approx(500, abs=0.01), pytest.approx(250))
    assert project(3.1416, 1)[1] < 250
    assert project(3.6, 0)[0] < 500


def test_positions_are_formatted():
    assert format_position(get_star(32349)) == "06 h 45 min, −16.7°"
    assert format_position(get_star(11767)) == "02 h 32 min, +89.3°"


def test_faint_stars_are_in_one_small_image(client):
    response = client.get("/stars/faint.svg")
    assert response["Content-Type"] == "image/svg+xml"
    drawn = ET.fromstring(response.content)
    faint = [star for star in list_visible_stars() if 3.5 < star.magnitude <= 6]
    places = set()
    for path in drawn:
        x = y = 0
        for dx, dy in re.findall(r"m(-?\d+) (-?\d+)h0", path.get("d")):
            x, y = x + int(dx), y + int(dy)
            places.add((x, y))
    expected = {
        tuple(round(2 * part) for part in project(star.right_ascension, star.declination))
        for star in faint
    }
    assert places == expected
    assert sum(path.get("d").count("m") for path in drawn) == len(faint)
    assert len(gzip.compress(response.content)) < 14_000  # one round trip
    widths = [float(path.get("stroke-width")) for path in drawn]
    assert widths == sorted(widths, reverse=True)


def test_packed_file_has_the_visible_stars(client):
    content = client.get("/stars/packed").content
    count = len(list_visible_stars())
    assert len(content) == 14 * count
    numbers = array("I", content[: 4 * count])
    assert list(numbers) == [star.hip for star in list_visible_stars()]
    x, y, z = array("h", content[4 * count : 4 * count + 6])
    assert (x * x + y * y + z * z) ** 0.5 == pytest.approx(32767, rel=0.001)
    distances = array("H", content[10 * count : 12 * count])
    assert 10 ** (distances[0] / 12_000) == pytest.approx(2.637, rel=0.01)
    assert min(content[12 * count : 13 * count]) == round(25 * (-1.0876 + 2))
    assert set(content[13 * count :]) == {0, 1, 2, 3, 4, 5}
