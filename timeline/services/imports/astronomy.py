"""Astronomical instants: solstices, equinoxes, phases of the Moon, eclipses. Computed, nothing is fetched.

PyEphem gives the apparent geocentric places of Sun (VSOP87) and Moon (ELP,
fitted to the years -3000 to 3000), good to about an arc second: 2 s of the
Moon's way and 25 s of the Sun's. Its days are Universal Time, so the slowing
of Earth's rotation (delta T) comes in: seconds in our time, minutes in far
years. Outside the years 1 to 3000 nothing is claimed.

Eclipses are found from the shadows themselves. The greatest eclipse of the Sun
is when the axis of the Moon's shadow passes closest to Earth's centre, that of
the Moon when she is closest to the axis of Earth's shadow. What kind an
eclipse of the Sun is, follows from that distance (gamma) and the radius of the
umbral cone in the plane through Earth's centre (u) as in J. Meeus,
Astronomical Algorithms, 2nd ed., chapter 54; for the Moon, from the shadow's
radii by Danjon's rule, which NASA's Five Millennium Catalog uses too.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import ephem
from django.core.exceptions import ValidationError

from timeline.core.exceptions import TimelineError
from timeline.core.spans import SECOND, UTC
from timeline.services.imports.rows import Refusal, Row, build_row, format_error

FIRST_YEAR, LAST_YEAR = 1, 3000
SOURCE = "Computed with PyEphem"

# PyEphem counts days from here.
_DAY_ZERO = dt.datetime(1899, 12, 31, 12, tzinfo=UTC)
_DAY_SECONDS = 86_400
# Lengths in equatorial radii of Earth.
_EARTH_RADII_PER_AU = 149_597_870.7 / 6378.137
_SUN_RADIUS = 696_000 / 6378.137
# Smaller where the Sun must be hidden altogether, valleys of the Moon's rim included (Meeus, NASA).
_MOON_RADIUS_UMBRA, _MOON_RADIUS = 0.272281, 0.2725076
# An axis that passes farther from Earth's centre misses the globe, flattened as it is (Meeus).
_MAX_AXIS_DISTANCE = 0.9972
# Beyond this distance of the axis no shadow reaches anything.
_MAX_ECLIPSE_DISTANCE = 1.7
# An eclipse is greatest within half an hour of the new or full moon.
_SEARCH_DAYS = 1 / 24

Vector = tuple[float, float, float]


class YearsRefused(TimelineError):
    """The computation does not hold for these years."""


@dataclass(frozen=True)
class EventKind:
    """A kind of instant: part of the ids, title, tags, and what is so at that instant."""

    slug: str
    title: str
    tags: tuple[str, ...]
    meaning: str


@dataclass(frozen=True, order=True)
class Event:
    """One instant, in UTC and whole seconds. At the same second an eclipse comes before its phase."""

    instant: dt.datetime
    rank: int
    kind: EventKind = field(compare=False)


_SEASONS: tuple[tuple[Callable[[float], float], EventKind], ...] = tuple(
    (
        find,
        EventKind(
            slug,
            f"{slug.split('-')[0].title()} {slug.split('-')[1]}",
            ("sun", "season", slug.split("-")[1]),
            f"The apparent geocentric right ascension of the Sun is {hours} h",
        ),
    )
    for find, slug, hours in (
        (ephem.next_vernal_equinox, "march-equinox", 0),
        (ephem.next_summer_solstice, "june-solstice", 6),
        (ephem.next_autumnal_equinox, "september-equinox", 12),
        (ephem.next_winter_solstice, "december-solstice", 18),
    )
)

_PHASES: tuple[tuple[Callable[[float], float], EventKind], ...] = tuple(
    (
        find,
        EventKind(
            slug,
            title,
            ("moon", slug),
            f"The Moon's apparent geocentric ecliptic longitude exceeds the Sun's by {degrees}°",
        ),
    )
    for find, slug, title, degrees in (
        (ephem.next_new_moon, "new-moon", "New moon", 0),
        (ephem.next_first_quarter_moon, "first-quarter", "First quarter of the Moon", 90),
        (ephem.next_full_moon, "full-moon", "Full moon", 180),
        (ephem.next_last_quarter_moon, "last-quarter", "Last quarter of the Moon", 270),
    )
)

_ECLIPSES = {
    (body, kind): EventKind(
        f"{body}-eclipse",
        f"{kind.title()} {body} eclipse",
        ("eclipse", f"{body}-eclipse", f"{kind}-{body}-eclipse"),
        meaning,
    )
    for body, kinds, meaning in (
        (
            "solar",
            ("partial", "annular", "hybrid", "total"),
            "Greatest eclipse: the axis of the Moon's shadow passes closest to Earth's centre",
        ),
        (
            "lunar",
            ("penumbral", "partial", "total"),
            "Greatest eclipse: the Moon is closest to the axis of Earth's shadow",
        ),
    )
    for kind in kinds
}


def generate_rows(from_year: int, to_year: int) -> Iterator[Row | Refusal]:
    """Yield a row, one second long, for every instant in the years given, both included, in order.

    Raises YearsRefused when the computation does not hold for one of them.
    """
    if not FIRST_YEAR <= from_year <= to_year <= LAST_YEAR:
        raise YearsRefused(
            f"The computation holds for the years {FIRST_YEAR} to {LAST_YEAR}: give two of these,"
            " the earlier first."
        )
    number = 0
    for year in range(from_year, to_year + 1):
        for event in sorted(compute_events(year)):
            number += 1
            yield _build_row(number, event)


def compute_events(year: int) -> Iterator[Event]:
    """Yield the instants of one year, grouped by kind."""
    start, end = _first_day_of(year), _first_day_of(year + 1)
    for find, season in _SEASONS:
        yield from (_build_event(day, season) for day in _list_days(find, start, end, step=300))
    for find, phase in _PHASES:
        for day in _list_days(find, start, end, step=20):
            yield _build_event(day, phase)
            if eclipse := _find_eclipse(day, phase.slug):
                yield eclipse


def find_solar_eclipse(new_moon: float) -> tuple[float, str] | None:
    """Return the day of the greatest eclipse at a new moon, and its kind; None without an eclipse.

    Days are PyEphem's. Kinds are ``partial``, ``annular``, ``hybrid`` and
    ``total``; annular or hybrid is not certain when the umbra's tip ends within
    some kilometres of the ground.
    """
    if _measure_moon_shadow(new_moon)[0] > _MAX_ECLIPSE_DISTANCE:
        return None
    day = _find_minimum(lambda at: _measure_moon_shadow(at)[0], new_moon)
    gamma, height, distance = _measure_moon_shadow(day)
    narrowing = math.tan(math.asin((_SUN_RADIUS - _MOON_RADIUS_UMBRA) / distance))
    widening = math.tan(math.asin((_SUN_RADIUS + _MOON_RADIUS) / distance))
    # Radii of umbra (less than zero: it reaches further) and penumbra where they pass Earth's centre.
    umbra = height * narrowing - _MOON_RADIUS_UMBRA
    penumbra = height * widening + _MOON_RADIUS
    if gamma > _MAX_AXIS_DISTANCE + penumbra:
        return None
    if gamma > _MAX_AXIS_DISTANCE + abs(umbra):
        return day, "partial"
    if umbra < 0:
        return day, "total"
    # On the near side of the globe the umbra may reach the ground although it ends before the centre.
    ground = math.sqrt(max(1 - gamma**2, 0))
    return day, "hybrid" if umbra < ground * narrowing else "annular"


def find_lunar_eclipse(full_moon: float) -> tuple[float, str] | None:
    """Return the day of the greatest eclipse at a full moon, and its kind; None without an eclipse.

    Days are PyEphem's. Kinds are ``penumbral``, ``partial`` and ``total``.
    """
    if _measure_earth_shadow(full_moon)[0] > _MAX_ECLIPSE_DISTANCE:
        return None
    day = _find_minimum(lambda at: _measure_earth_shadow(at)[0], full_moon)
    off, along, sun_distance = _measure_earth_shadow(day)
    angle, moon_distance = math.atan2(off, along), math.hypot(off, along)
    moon = math.asin(_MOON_RADIUS / moon_distance)
    sun = math.asin(_SUN_RADIUS / sun_distance)
    # Danjon: the air makes Earth larger by a hundredth, as seen from the Moon.
    earth = 1.01 * math.asin(1 / moon_distance) + math.asin(1 / sun_distance)
    if angle - moon >= earth + sun:
        return None
    if angle - moon >= earth - sun:
        return day, "penumbral"
    return day, "total" if angle + moon <= earth - sun else "partial"


_ECLIPSE_FINDERS = {
    "new-moon": ("solar", find_solar_eclipse),
    "full-moon": ("lunar", find_lunar_eclipse),
}


def to_instant(day: float) -> dt.datetime:
    """Return a day of PyEphem's as an instant in UTC, rounded to the second."""
    return _DAY_ZERO + round(day * _DAY_SECONDS) * SECOND


def _build_row(number: int, event: Event) -> Row | Refusal:
    kind, at = event.kind, event.instant
    try:
        return build_row(
            number,
            external_id=f"astro-{kind.slug}-{at.date()}",
            title=kind.title,
            starts_at=at,
            ends_at=at + SECOND,
            tags=("astronomy", *kind.tags),
            story=f"{kind.meaning}: computed with PyEphem (VSOP87 and ELP), {_describe_precision(at.year)}.",
            source=SOURCE,
        )
    except (TimelineError, ValidationError) as error:
        return Refusal(number, format_error(error))


def _describe_precision(year: int) -> str:
    """Say how far the second may be off: mostly what is not known of Earth's rotation."""
    if 1700 <= year <= 2030:
        return "good to about half a minute"
    if 1600 <= year <= 2060:
        return "good to about a minute"
    return "where Earth's rotation is so little known that it may be minutes off"


def _find_eclipse(day: float, phase: str) -> Event | None:
    if phase not in _ECLIPSE_FINDERS:
        return None
    body, find = _ECLIPSE_FINDERS[phase]
    found = find(day)
    return _build_event(found[0], _ECLIPSES[body, found[1]], rank=0) if found else None


def _build_event(day: float, kind: EventKind, rank: int = 1) -> Event:
    return Event(to_instant(day), rank, kind)


def _list_days(
    find: Callable[[float], float], start: float, end: float, step: float
) -> Iterator[float]:
    """Yield the days in ``[start, end)`` that ``find`` gives, which are more than ``step`` days apart."""
    day = float(find(start))
    while day < end:
        yield day
        day = float(find(day + step))


def _first_day_of(year: int) -> float:
    """Return the day at which a year of the proleptic Gregorian calendar begins."""
    return (dt.datetime(year, 1, 1, tzinfo=UTC) - _DAY_ZERO) / dt.timedelta(days=1)


def _find_minimum(function: Callable[[float], float], near: float) -> float:
    """Return where a function with one valley has its least value, to a fifth of a second."""
    ratio = (math.sqrt(5) - 1) / 2
    start, end = near - _SEARCH_DAYS, near + _SEARCH_DAYS
    while end - start > 0.2 / _DAY_SECONDS:
        left, right = end - ratio * (end - start), start + ratio * (end - start)
        if function(left) < function(right):
            end = right
        else:
            start = left
    return (start + end) / 2


def _measure_moon_shadow(day: float) -> tuple[float, float, float]:
    """Measure the axis through Sun and Moon, in Earth's radii.

    Returns its distance from Earth's centre, the Moon's height above the plane
    through that centre, and the distance from Moon to Sun.
    """
    sun, moon = _get_positions(day)
    axis = (sun[0] - moon[0], sun[1] - moon[1], sun[2] - moon[2])
    return _measure_from_axis(moon, axis)


def _measure_earth_shadow(day: float) -> tuple[float, float, float]:
    """Measure the Moon against the axis of Earth's shadow, in Earth's radii.

    Returns her distance from it, how far along it she is, and the Sun's distance.
    """
    sun, moon = _get_positions(day)
    return _measure_from_axis(moon, (-sun[0], -sun[1], -sun[2]))


def _measure_from_axis(point: Vector, axis: Vector) -> tuple[float, float, float]:
    """Return a point's distance from an axis through the origin, its place along it, the axis's length."""
    length = math.hypot(*axis)
    along = sum(p * a for p, a in zip(point, axis, strict=True)) / length
    return math.sqrt(max(math.hypot(*point) ** 2 - along**2, 0)), along, length


def _get_positions(day: float) -> tuple[Vector, Vector]:
    """Return where Sun and Moon are seen from Earth's centre, in Earth's radii."""
    return _to_vector(ephem.Sun(day)), _to_vector(ephem.Moon(day))


def _to_vector(body: ephem.Body) -> Vector:
    distance = body.earth_distance * _EARTH_RADII_PER_AU
    across = distance * math.cos(body.g_dec)
    return (
        across * math.cos(body.g_ra),
        across * math.sin(body.g_ra),
        distance * math.sin(body.g_dec),
    )
