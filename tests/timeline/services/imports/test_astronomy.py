"""Compare computed instants to published ones."""

import datetime as dt
import io
from collections import Counter

import pytest
from django.core.management import CommandError, call_command

from timeline.core.spans import parse_instant
from timeline.models import Moment
from timeline.services import rollups
from timeline.services.imports import astronomy
from timeline.services.imports.rows import Refusal


def list_instants(year, slug, title=None):
    return [
        event.instant
        for event in astronomy.compute_events(year)
        if event.kind.slug == slug and title in (None, event.kind.title)
    ]


def is_near(instant, published, seconds):
    return abs(instant - parse_instant(published)) <= dt.timedelta(seconds=seconds)


@pytest.mark.embedded
@pytest.mark.parametrize(
    ("slug", "published"),
    [
        ("march-equinox", "2024-03-20T03:06:00Z"),
        ("june-solstice", "2024-06-20T20:51:00Z"),
        ("september-equinox", "2024-09-22T12:44:00Z"),
        ("december-solstice", "2024-12-21T09:20:00Z"),
        ("full-moon", "1969-07-29T02:45:00Z"),
        ("new-moon", "2000-01-06T18:14:00Z"),
        ("full-moon", "2000-01-21T04:40:00Z"),
        # Known to the second: Meeus, Astronomical Algorithms, examples 27.a, 49.a; delta T was 34 and 48 s.
        ("june-solstice", "1962-06-21T21:24:08Z"),
        ("new-moon", "1977-02-18T03:36:54Z"),
    ],
)
def test_seasons_and_phases_match_published_times_within_a_minute(slug, published):
    computed = list_instants(int(published[:4]), slug)
    assert any(is_near(instant, published, 60) for instant in computed), computed


@pytest.mark.embedded
@pytest.mark.parametrize(
    ("title", "published"),
    [
        ("Total solar eclipse", "1999-08-11T11:03:00Z"),
        ("Total solar eclipse", "2017-08-21T18:25:32Z"),
        ("Total solar eclipse", "2024-04-08T18:17:21Z"),
        ("Hybrid solar eclipse", "2013-11-03T12:46:00Z"),
        ("Hybrid solar eclipse", "2023-04-20T04:17:00Z"),
        ("Total lunar eclipse", "2015-09-28T02:47:00Z"),
        # Its umbral magnitude is only 1.0008.
        ("Total lunar eclipse", "2015-04-04T12:00:00Z"),
    ],
)
def test_eclipses_match_published_times_within_a_minute(title, published):
    """Source: NASA's Five Millennium Catalogs of Eclipses; greatest eclipse in UT."""
    slug = "solar-eclipse" if "solar" in title else "lunar-eclipse"
    computed = list_instants(int(published[:4]), slug, title)
    assert any(is_near(instant, published, 60) for instant in computed), computed


@pytest.mark.embedded
def test_eclipse_counts_of_two_centuries_match_the_catalog():
    """Source: NASA's Five Millennium Catalogs of Eclipses; number of each kind."""
    kinds = {
        century: Counter(
            event.kind.title
            for year in range(century, century + 100)
            for event in astronomy.compute_events(year)
            if event.rank == 0
        )
        for century in (1901, 2001)
    }
    assert kinds == {
        1901: {
            "Partial solar eclipse": 78,
            "Annular solar eclipse": 73,
            "Total solar eclipse": 71,
            "Hybrid solar eclipse": 6,
            "Penumbral lunar eclipse": 83,
            "Partial lunar eclipse": 65,
            "Total lunar eclipse": 81,
        },
        2001: {
            "Partial solar eclipse": 77,
            "Annular solar eclipse": 72,
            "Total solar eclipse": 68,
            "Hybrid solar eclipse": 7,
            "Penumbral lunar eclipse": 86,
            "Partial lunar eclipse": 57,
            "Total lunar eclipse": 85,
        },
    }


@pytest.mark.embedded
@pytest.mark.parametrize("year", [1, 1582, 3000])
def test_distant_years_have_seasons_and_moon_phases(year):
    """All years use the Gregorian calendar, so the equinox stays near 20 March."""
    computed = list(astronomy.compute_events(year))
    counts = Counter(event.kind.slug for event in computed)
    assert all(event.instant.year == year for event in computed)
    assert all(counts[slug] in (12, 13) for slug in ("new-moon", "full-moon", "first-quarter"))
    (equinox,) = list_instants(year, "march-equinox")
    assert (equinox.month, equinox.day in (19, 20, 21, 22)) == (3, True)


@pytest.mark.embedded
def test_event_before_the_timeline_is_refused_without_an_error(monkeypatch):
    """Edge case 6."""
    day = dt.datetime(1, 1, 1, 12, tzinfo=dt.UTC)
    monkeypatch.setattr(
        astronomy,
        "compute_events",
        lambda year: [astronomy.Event(day, 0, astronomy.EventKind("a", "A", (), "A"))],
    )
    (row,) = astronomy.generate_rows(1, 1)
    assert isinstance(row, Refusal)
    assert "0001-01-02" in row.reason


@pytest.mark.embedded
@pytest.mark.parametrize(
    ("year", "text"),
    [
        (1969, "half a minute"),
        (2050, "about a minute"),
        (2500, "minutes off"),
        (800, "minutes off"),
    ],
)
def test_story_states_its_precision(year, text):
    row = next(astronomy.generate_rows(year, year))
    assert text in row.moment.story
    assert "PyEphem" in row.moment.story


def run(*arguments):
    out = io.StringIO()
    call_command("import_astronomy", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_it_works():
    report = run("--from-year=2024", "--to-year=2024")
    assert report.endswith("58 taken, 0 updated, 0 unchanged, 0 refused\n")
    moment = Moment.objects.get(external_id="astro-solar-eclipse-2024-04-08")
    assert moment.title == "Total solar eclipse"
    assert (moment.length, moment.time_zone) == ("1 s", "UTC")
    assert (moment.status, moment.visibility, moment.user.handle) == ("active", "public", "almanac")
    assert [tag.name for tag in moment.tags.all()] == [
        "astronomy", "eclipse", "solar-eclipse", "total-solar-eclipse",
    ]  # fmt: skip
    assert list(rollups.find_differences()) == []


@pytest.mark.django_db
def test_second_run_changes_nothing():
    run("--from-year=2024", "--to-year=2024")
    assert "0 taken, 0 updated, 58 unchanged, 0 refused" in run(
        "--from-year=2024", "--to-year=2024"
    )


@pytest.mark.django_db
def test_dry_run_writes_nothing():
    assert "Dry run" in run("--from-year=2024", "--to-year=2024", "--dry-run")
    assert not Moment.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("years", [(0, 5), (2999, 3001), (2024, 2023)])
def test_years_outside_the_valid_range_are_an_error(years):
    with pytest.raises(CommandError, match="the years 1 to 3000"):
        run(f"--from-year={years[0]}", f"--to-year={years[1]}")


@pytest.mark.django_db
def test_phase_at_the_same_second_as_an_eclipse_is_refused(monkeypatch):
    at = parse_instant("2001-01-09T20:24:00Z")
    eclipse, phase = (
        astronomy.Event(at, rank, astronomy.EventKind(slug, slug, (), slug))
        for rank, slug in enumerate(("lunar-eclipse", "full-moon"))
    )
    monkeypatch.setattr(astronomy, "compute_events", lambda year: [phase, eclipse])
    report = run("--from-year=2001", "--to-year=2001")
    assert (
        "row 2 (astro-full-moon-2001-01-09) refused: This span, or a part of it, is taken."
        in report
    )
    assert Moment.objects.get().title == "lunar-eclipse"
