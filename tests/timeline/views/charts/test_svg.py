"""The SVG chart: bars, the track of claimed time, free gaps, labels and the present."""

from __future__ import annotations

import datetime as dt
import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from tests.support.servers import ROOT
from timeline.core.periods import Period
from timeline.core.spans import UTC, parse_instant
from timeline.models import Visibility
from timeline.selectors import rollups
from timeline.selectors.availability import Interval
from timeline.selectors.rollups import EMPTY_TALLY, Tally
from timeline.views.charts.svg import GEOMETRY, MAX_GAPS, WHOLE_TIMELINE, build_period_chart

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2026, 7, 1, tzinfo=UTC)
PAGES = [
    "/timeline/centuries/", "/timeline/centuries/1/", "/timeline/centuries/20/",
    "/timeline/centuries/100/", "/timeline/0001/", "/timeline/1969/", "/timeline/9999/",
    "/timeline/0001/01/", "/timeline/1969/07/", "/timeline/9999/12/", "/timeline/0001/01/02/",
    "/timeline/1969/07/20/", "/timeline/9999/12/30/",
]  # fmt: skip
HOURS = ["/timeline/0001/01/02/00/", "/timeline/1969/07/20/20/", "/timeline/9999/12/30/23/"]


def build_chart(period, tallies=None):
    """Build the chart of a period. ``tallies`` has the tallies of its children, by index."""
    parts = [
        (part, (tallies or {}).get(number, EMPTY_TALLY))
        for number, part in enumerate(period.children)
    ]
    return build_period_chart(Interval(period.starts_at, period.ends_at), parts, NOW)


def parse_svg(page):
    return ET.fromstring(
        re.search(
            r'(<svg class="chart-svg".*?</svg>)\s*<div class="chart-legend"', page, re.DOTALL
        ).group(1)
    )


def get_links(page, class_name):
    return [
        link.get("href")
        for link in parse_svg(page).iter("a")
        if link.find(f"rect[@class='{class_name}']") is not None
    ]


def get_shares(figure):
    return float(figure.x.rstrip("%")), float(figure.width.rstrip("%"))


def test_it_works():
    chart = build_chart(Period.of(1969), {6: Tally(9, 60), 7: Tally(1, 60)})
    assert [bar.url for bar in chart.bars][6] == "/timeline/1969/07/"
    assert [bar.height for bar in chart.bars] == [0] * 6 + [121, 40] + [0] * 4
    assert chart.bars[6].y + chart.bars[6].height == 150
    assert chart.full_bar_label == "10 a month"


@pytest.mark.parametrize("url", PAGES)
def test_every_bar_is_a_link_that_the_text_has_too(client, make_moment, url):
    """Edge case 6: the chart is hidden from assistive technology, because the cells list the same periods."""
    make_moment("0001-01-02", 60)
    make_moment("1969-07-20T20:00:00Z", 60)
    make_moment("9999-12-30T23:00:00Z", 60)
    page = client.get(url).text
    bars = get_links(page, "chart-hit-area")
    cells = re.findall(r'class="cell [^"]*" href="([^"]+)"', page)
    assert bars == cells
    drawn = [
        link.get("href")
        for link in parse_svg(page).iter("a")
        if link.find("rect[@class='chart-bar']") is not None
    ]
    told = re.findall(r'class="cell [^"]*" href="([^"]+)">(?:(?!</a>).)*?begin', page, re.DOTALL)
    assert drawn == told
    assert drawn
    assert parse_svg(page).get("aria-hidden") == "true"
    assert all(link.get("tabindex") == "-1" for link in parse_svg(page).iter("a"))


def test_geometry_is_defined_once(client):
    """The script uses the measures in the page, and the template has no numbers of its own."""
    svg = parse_svg(client.get("/timeline/1969/").text)
    sent = {
        name.removeprefix("data-").replace("-", "_"): int(value)
        for name, value in svg.items()
        if name.startswith("data-")
    }
    assert sent
    assert sent == {name: getattr(GEOMETRY, name) for name in sent}
    template = (ROOT / "templates/partials/chart.html").read_text()
    assert re.findall(r' (?:y|y1|y2|height)="\d+"', template) == []


@pytest.mark.parametrize("url", PAGES)
def test_periods_fill_the_width(client, url):
    """Edge case 6."""
    places = [
        rect
        for rect in parse_svg(client.get(url).text).iter("rect")
        if rect.get("class") == "chart-hit-area"
    ]
    edges = [(float(r.get("x")[:-1]), float(r.get("width")[:-1])) for r in places]
    assert edges[0][0] == 0
    assert sum(edges[-1]) == pytest.approx(100, abs=0.01)
    for (x, width), (following, _) in pairwise(edges):
        assert x + width == pytest.approx(following, abs=0.01)
        assert width > 0


@pytest.mark.parametrize("url", [*PAGES, *HOURS])
def test_empty_period_is_one_gap(client, url):
    """Nothing starts and nothing is claimed, and there is no division by zero."""
    page = client.get(url).text
    (gap,) = get_links(page, "chart-gap")
    assert gap.startswith("/claim/?date=")
    assert 'class="chart-bar' not in page
    assert 'class="chart-claimed' not in page


def test_highest_bar_stays_inside_the_chart():
    for moments in (1, 2, 3, 5, 6, 10, 99, 100, 101, 999_999, 10**9):
        chart = build_chart(Period.of(1969), {0: Tally(moments, 1), 11: Tally(1, 1)})
        assert moments <= chart.full_bar_count <= max(2.5 * moments, 1)
        assert all(bar.y >= 22 for bar in chart.bars)
        assert chart.bars[11].height >= 3  # one among a thousand million is still visible


def test_track_is_as_high_as_the_claimed_share():
    day = 86_400
    chart = build_chart(
        Period.of(1969, 7), {0: Tally(1, day), 1: Tally(1, day // 2), 2: Tally(1, 1)}
    )
    tops = [int(top) for top in re.findall(r"V(\d+)H", chart.claimed)]
    assert tops == [0, 6, 11]


def test_run_of_free_periods_is_one_gap():
    chart = build_chart(Period.of(1969), {6: Tally(0, 60), 8: Tally(1, 60)})
    assert [gap.name for gap in chart.gaps] == [
        "January 1969 to June 1969", "August 1969", "October 1969 to December 1969",
    ]  # fmt: skip
    assert chart.gaps[1].url == (
        "/claim/?date=1969-08-01&time=00:00:00&zone=UTC&hours=24&minutes=0&seconds=0"
    )
    x, width = get_shares(chart.gaps[0])
    assert (x, width) == (0, pytest.approx(100 * 181 / 365, abs=0.01))


def test_gap_has_a_label_if_it_fits():
    narrow, middle, wide = build_chart(
        Period.of(1969, 7), {0: Tally(1, 1), 2: Tally(1, 1), 8: Tally(1, 1)}
    ).gaps
    assert (narrow.has_room_for_label, middle.has_room_for_label, wide.has_room_for_label) == (
        False,
        True,
        True,
    )
    assert (middle.has_room_on_phones, wide.has_room_on_phones) == (False, True)


def test_number_of_gaps_is_bounded():
    chart = build_chart(Period.century(20), {n: Tally(1, 60) for n in range(0, 100, 2)})
    assert len(chart.gaps) == MAX_GAPS


def test_gaps_of_a_day_are_exact(client, make_moment):
    make_moment("1969-07-20T20:17:40Z", seconds=60)
    page = client.get("/timeline/1969/07/20/").text
    assert get_links(page, "chart-gap") == [
        "/claim/?date=1969-07-20&time=00:00:00&zone=UTC&hours=20&minutes=17&seconds=40",
        "/claim/?date=1969-07-20&time=20:18:40&zone=UTC&hours=3&minutes=41&seconds=20",
    ]
    assert "20:18:40 to 24:00:00 (3 h 41 min 20 s)" in page


def test_every_gap_is_listed_in_the_text(client, make_moment):
    make_moment("1969-07-20T20:17:40Z", seconds=60)
    for url in (*PAGES, *HOURS):
        page = client.get(url).text
        told = re.findall(r'<li><a href="(/claim/[^"]+)" rel="nofollow">', page)
        assert [gap.replace("&amp;", "&") for gap in told] == get_links(page, "chart-gap")


def test_full_day_has_no_gap(client, make_moment):
    make_moment("1969-07-20", seconds=86_400)
    page = client.get("/timeline/1969/07/20/").text
    assert get_links(page, "chart-gap") == []
    assert "Free to claim" not in page


def test_chart_of_an_hour_shows_its_moments(client, make_moment):
    eagle = make_moment("1969-07-20T20:17:40Z", seconds=180)
    make_moment("1969-07-20T19:30:00Z", seconds=2400)
    page = client.get("/timeline/1969/07/20/20/").text
    bars = [
        (link.get("href"), link.find("rect").get("x"), link.find("rect").get("width"))
        for link in parse_svg(page).iter("a")
        if "/moments/" in link.get("href")
    ]
    assert bars[0][1:] == ("0%", "16.667%")
    assert bars[1] == (eagle.get_absolute_url(), "29.444%", "5%")


def test_hidden_moments_are_shown_as_claimed_time_only(client, make_moment):
    """Edge case 15."""
    hidden = make_moment("1969-07-20T20:00:00Z", 3600, visibility=Visibility.PRIVATE)
    for url in ("/timeline/1969/07/20/20/", "/timeline/1969/07/20/"):
        page = client.get(url).text
        assert 'class="chart-claimed"' in page
        assert 'class="chart-bar' not in page
        assert hidden.public_id not in page
    assert get_links(client.get("/timeline/1969/07/20/20/").text, "chart-gap") == []


def test_path_of_a_busy_hour_is_short(client, make_moment):
    for second in range(0, 600, 2):
        make_moment(f"1969-07-20T20:{second // 60:02}:{second % 60:02}Z", seconds=1)
    page = client.get("/timeline/1969/07/20/20/").text
    assert len(re.search(r'class="chart-claimed" d="([^"]*)"', page).group(1)) < 200
    assert len(get_links(page, "chart-gap")) == MAX_GAPS


def test_line_marks_the_present():
    year = Period.of(2026)
    share = (NOW - year.starts_at) / (year.ends_at - year.starts_at)
    assert float(build_chart(year).now_x[:-1]) == pytest.approx(100 * share, abs=0.01)
    assert build_chart(Period.of(2025)).now_x == ""
    whole = build_period_chart(WHOLE_TIMELINE, rollups.get_timeline_tally_with_centuries()[1], NOW)
    assert float(whole.now_x[:-1]) == pytest.approx(20.26, abs=0.02)


@pytest.mark.parametrize(
    ("period", "labels"),
    [
        (Period.century(20), ["1910", "1920", "1930", "1940", "1950", "1960", "1970", "1980", "1990"]),
        (Period.of(1969), "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()),
        (Period.of(1969, 7), ["1", "5", "10", "15", "20", "25", "30"]),
        (Period.of(1969, 7, 20), [f"{hour:02}:00" for hour in range(0, 24, 3)]),
    ],
)  # fmt: skip
def test_labels(period, labels):
    chart = build_chart(period)
    assert [label.text for label in chart.labels] == labels
    assert any(label.is_minor for label in chart.labels)


def test_labels_have_no_year_0(client):
    page = client.get("/timeline/centuries/").text
    assert [text.text for text in parse_svg(page).iter("text")][1:4] == ["1", "1001", "2001"]


def test_pages_have_no_inline_styles(client, make_moment):
    make_moment("1969-07-20T20:17:40Z")
    for url in (*PAGES, *HOURS):
        assert " style=" not in client.get(url).text


def test_scripts_get_the_bounds_of_the_chart(client):
    page = client.get("/timeline/0001/").text
    assert 'data-from="0001-01-02T00:00:00Z" data-to="0002-01-01T00:00:00Z"' in page
    assert parse_instant("0001-01-02") == Period.of(1).starts_at
