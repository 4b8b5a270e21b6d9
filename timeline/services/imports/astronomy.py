"""Solstices, equinoxes, phases of the Moon and eclipses, computed without any external data.

PyEphem gives the apparent geocentric positions of the Sun (VSOP87) and the Moon
(ELP, fitted to the years -3000 to 3000). They are accurate to about one arc
second, which the Moon crosses in 2 s and the Sun in 25 s. PyEphem's days are in
Universal Time, so the slowing of Earth's rotation (delta T) adds an error: some
seconds in our time, minutes in distant years. Years outside 1 to 3000 are refused.

Eclipses are computed from the geometry of the shadows. A solar eclipse is
greatest when the axis of the Moon's shadow passes closest to Earth's centre. A
lunar eclipse is greatest when the Moon is closest to the axis of Earth's
shadow. The kind of a solar eclipse follows from that distance (gamma) and the
radius of the umbral cone in the plane through Earth's centre (u), as in
J. Meeus, Astronomical Algorithms, 2nd ed., chapter 54. The kind of a lunar
eclipse follows from the radii of the shadow by Danjon's rule, which NASA's Five
Millennium Catalog uses too.
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

# PyEphem's day 0.
_DAY_ZERO = dt.datetime(1899, 12, 31, 12, tzinfo=UTC)
_DAY_SECONDS = 86_400
# Lengths are in equatorial radii of Earth.
_EARTH_RADII_PER_AU = 149_597_870.7 / 6378.137
_SUN_RADIUS = 696_000 / 6378.137
# The umbra needs the smaller radius: the Sun must be hidden even in the valleys of the Moon's rim (Meeus,
# NASA).
_MOON_RADIUS_UMBRA, _MOON_RADIUS = 0.272281, 0.2725076
# An axis that passes farther from Earth's centre than this misses the flattened globe (Meeus).
_MAX_AXIS_DISTANCE = 0.9972
# There is no eclipse if the distance from the axis is larger than this.
_MAX_ECLIPSE_DISTANCE = 1.7
# The greatest eclipse is searched for within one hour of the new or full moon; it is within half an hour.
_SEARCH_DAYS = 1 / 24

Vector = tuple[float, float, float]


class YearsRefused(TimelineError):
    """The computation is not valid for these years."""


@dataclass(frozen=True)
class EventKind:
    """A kind of astronomical event."""

    slug: str  # part of the external ids
    title: str
    tags: tuple[str, ...]
    definition: str  # what is true at the instant of the event


@dataclass(frozen=True, order=True)
class Event:
    """An astronomical event."""

    instant: dt.datetime  # in UTC, whole seconds
    rank: int  # sorts an eclipse (0) before a phase (1) at the same second
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
        definition,
    )
    for body, kinds, definition in (
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
    """Yield a row for every event in the given years, both included, in order. Each lasts one second.

    Raises YearsRefused if the computation is not valid for all of these years.
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
    """Yield the events of one year, grouped by kind."""
    start, end = _first_day_of(year), _first_day_of(year + 1)
    for find, season in _SEASONS:
        yield from (_build_event(day, season) for day in _list_days(find, start, end, step=300))
    for find, phase in _PHASES:
        for day in _list_days(find, start, end, step=20):
            yield _build_event(day, phase)
            if eclipse := _find_eclipse(day, phase.slug):
                yield eclipse


def find_solar_eclipse(new_moon: float) -> tuple[float, str] | None:
    """Return the day of the greatest eclipse at a new moon, and its kind. None if there is no eclipse.

    Days are PyEphem's. The kinds are ``partial``, ``annular``, ``hybrid`` and
    ``total``. If the tip of the umbra ends within some kilometres of the
    ground, ``annular`` and ``hybrid`` can be confused.
    """
    if _measure_moon_shadow(new_moon)[0] > _MAX_ECLIPSE_DISTANCE:
        return None
    day = _find_minimum(lambda at: _measure_moon_shadow(at)[0], new_moon)
    gamma, height, distance = _measure_moon_shadow(day)
    narrowing = math.tan(math.asin((_SUN_RADIUS - _MOON_RADIUS_UMBRA) / distance))
    widening = math.tan(math.asin((_SUN_RADIUS + _MOON_RADIUS) / distance))
    # The radii of umbra and penumbra in the plane of Earth's centre. A negative radius means that the
    # umbra reaches beyond that plane.
    umbra = height * narrowing - _MOON_RADIUS_UMBRA
    penumbra = height * widening + _MOON_RADIUS
    if gamma > _MAX_AXIS_DISTANCE + penumbra:
        return None
    if gamma > _MAX_AXIS_DISTANCE + abs(umbra):
        return day, "partial"
    if umbra < 0:
        return day, "total"
    # The umbra ends before Earth's centre, but may still reach the ground on the near side.
    ground = math.sqrt(max(1 - gamma**2, 0))
    return day, "hybrid" if umbra < ground * narrowing else "annular"


def find_lunar_eclipse(full_moon: float) -> tuple[float, str] | None:
    """Return the day of the greatest eclipse at a full moon, and its kind. None if there is no eclipse.

    Days are PyEphem's. The kinds are ``penumbral``, ``partial`` and ``total``.
    """
    if _measure_earth_shadow(full_moon)[0] > _MAX_ECLIPSE_DISTANCE:
        return None
    day = _find_minimum(lambda at: _measure_earth_shadow(at)[0], full_moon)
    off, along, sun_distance = _measure_earth_shadow(day)
    angle, moon_distance = math.atan2(off, along), math.hypot(off, along)
    moon = math.asin(_MOON_RADIUS / moon_distance)
    sun = math.asin(_SUN_RADIUS / sun_distance)
    # Danjon's rule: seen from the Moon, the atmosphere enlarges Earth by one hundredth.
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
    """Return the instant of a PyEphem day, rounded to the second."""
    return _DAY_ZERO + round(day * _DAY_SECONDS) * SECOND


def _build_row(number: int, event: Event) -> Row | Refusal:
    kind, at = event.kind, event.instant
    precision = _describe_precision(at.year)
    try:
        return build_row(
            number,
            external_id=f"astro-{kind.slug}-{at.date()}",
            title=kind.title,
            starts_at=at,
            ends_at=at + SECOND,
            tags=("astronomy", *kind.tags),
            story=f"{kind.definition}: computed with PyEphem (VSOP87 and ELP), {precision}.",
            source=SOURCE,
        )
    except (TimelineError, ValidationError) as error:
        return Refusal(number, format_error(error))


def _describe_precision(year: int) -> str:
    """Return how accurate the second is. Most of the error comes from Earth's irregular rotation."""
    if 1700 <= year <= 2030:
        return "good to about half a minute"
    if 1600 <= year <= 2060:
        return "good to about a minute"
    return "where Earth's rotation is so little known that it may be minutes off"


def _find_eclipse(day: float, phase: str) -> Event | None:
    if phase not in _ECLIPSE_FINDERS:
        return None
    body, find = _ECLIPSE_FINDERS[phase]
    eclipse = find(day)
    if eclipse is None:
        return None
    greatest, kind = eclipse
    return _build_event(greatest, _ECLIPSES[body, kind], rank=0)


def _build_event(day: float, kind: EventKind, rank: int = 1) -> Event:
    return Event(to_instant(day), rank, kind)


def _list_days(
    find: Callable[[float], float], start: float, end: float, step: float
) -> Iterator[float]:
    """Yield the days in ``[start, end)`` that ``find`` returns.

    ``find`` returns the first such day after another. Consecutive days must be
    more than ``step`` days apart.
    """
    day = float(find(start))
    while day < end:
        yield day
        day = float(find(day + step))


def _first_day_of(year: int) -> float:
    """Return the PyEphem day at which a year of the proleptic Gregorian calendar begins."""
    return (dt.datetime(year, 1, 1, tzinfo=UTC) - _DAY_ZERO) / dt.timedelta(days=1)


def _find_minimum(function: Callable[[float], float], near: float) -> float:
    """Return the minimum of a function near a day, to a fifth of a second.

    Golden-section search. The function must have only one minimum there.
    """
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
    """Measure the axis of the Moon's shadow, in radii of Earth.

    Returns its distance from Earth's centre, the Moon's height above the plane
    through that centre, and the distance from the Moon to the Sun.
    """
    sun, moon = _get_positions(day)
    axis = (sun[0] - moon[0], sun[1] - moon[1], sun[2] - moon[2])
    return _measure_from_axis(moon, axis)


def _measure_earth_shadow(day: float) -> tuple[float, float, float]:
    """Measure the Moon's position in Earth's shadow, in radii of Earth.

    Returns its distance from the axis of the shadow, its position along that
    axis, and the distance of the Sun.
    """
    sun, moon = _get_positions(day)
    return _measure_from_axis(moon, (-sun[0], -sun[1], -sun[2]))


def _measure_from_axis(point: Vector, axis: Vector) -> tuple[float, float, float]:
    """Return a point's distance from an axis through the origin, its position along it, the axis's length."""
    length = math.hypot(*axis)
    along = sum(p * a for p, a in zip(point, axis, strict=True)) / length
    return math.sqrt(max(math.hypot(*point) ** 2 - along**2, 0)), along, length


def _get_positions(day: float) -> tuple[Vector, Vector]:
    """Return the positions of Sun and Moon relative to Earth's centre, in radii of Earth."""
    return _to_vector(ephem.Sun(day)), _to_vector(ephem.Moon(day))


def _to_vector(body: ephem.Body) -> Vector:
    distance = body.earth_distance * _EARTH_RADII_PER_AU
    across = distance * math.cos(body.g_dec)
    return (
        across * math.cos(body.g_ra),
        across * math.sin(body.g_ra),
        distance * math.sin(body.g_dec),
    )
