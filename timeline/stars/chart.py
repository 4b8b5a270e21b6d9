"""The sky chart: the projection of the stars, and the texts and files that belong to it."""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from timeline.core.periods import FIRST_YEAR, Period
from timeline.stars.catalogue import NAKED_EYE_LIMIT, Star, list_visible_stars

# The chart's size in its own units. The whole sky is an ellipse inside it.
WIDTH, HEIGHT = 1000, 500
# Stars up to this magnitude are links in the chart; fainter ones are in an image behind them.
MAX_LINKED_MAGNITUDE = 3.5
MAX_IMAGE_MAGNITUDE = 6.0
# The image uses half units, so that its coordinates can be whole numbers.
IMAGE_SCALE = 2
HUES = (
    "red", "orange", "yellow", "yellow-white", "white", "blue-white",
)  # fmt: skip
RADIANS_PER_HOUR = math.pi / 12
# How `pack_stars` encodes magnitudes and distances; `sky.js` decodes them with the same numbers.
MAGNITUDE_STEPS, MIN_MAGNITUDE = 25, -2
DISTANCE_STEPS = 12_000


@dataclass(frozen=True)
class Dot:
    """A star on the chart."""

    star: Star
    x: int
    y: int
    radius: float


@cache
def list_linked_dots() -> tuple[Dot, ...]:
    """Return the stars that are links in the chart, brightest first."""
    return tuple(
        build_dot(star) for star in list_visible_stars() if star.magnitude <= MAX_LINKED_MAGNITUDE
    )


def build_dot(star: Star) -> Dot:
    """Return the position and size of a star. One magnitude is about half a unit of radius."""
    x, y = project(star.right_ascension, star.declination)
    radius = max(0.5, 0.5 + 0.55 * (NAKED_EYE_LIMIT - star.magnitude))
    return Dot(star, round(x), round(y), round(radius, 1))


def project(right_ascension: float, declination: float) -> tuple[float, float]:
    """Return the position of a direction on the chart, in its units.

    The Hammer projection, which preserves areas. 12 h is in the middle, north is
    up, and east is to the left, as the sky is seen from inside.
    """
    across = right_ascension - math.pi
    scale = math.sqrt(1 + math.cos(declination) * math.cos(across / 2))
    x = math.cos(declination) * math.sin(across / 2) / scale
    y = math.sin(declination) / scale
    margin = 6
    return (
        WIDTH / 2 - (WIDTH / 2 - margin) * x,
        HEIGHT / 2 - (HEIGHT / 2 - margin) * y,
    )


def format_position(star: Star) -> str:
    """Return right ascension and declination as text: ``06 h 45 min, −16.7°``."""
    minutes = round(star.right_ascension / RADIANS_PER_HOUR * 60) % (24 * 60)
    degrees = math.degrees(star.declination)
    sign = "−" if degrees < 0 else "+"
    return f"{minutes // 60:02} h {minutes % 60:02} min, {sign}{abs(degrees):.1f}°"


def format_light_years(star: Star) -> str:
    """Return the light-years as text, rounded to what the parallax supports: ``8.6``, ``430`` or ""."""
    if star.light_years is None:
        return ""
    if star.light_years < 30:
        return f"{star.light_years:.1f}"
    return f"{float(f'{star.light_years:.2g}'):,.0f}"


def get_departure_year(star: Star, year: int) -> Period | None:
    """Return the year in which the light that arrives in ``year`` left the star, if it is on the timeline."""
    if star.light_years is None:
        return None
    departed = year - round(star.light_years)
    return Period.of(departed) if departed >= FIRST_YEAR else None


@cache
def render_faint_stars() -> bytes:
    """Return an SVG image of the fainter stars.

    It has one path per magnitude whose points have round ends, which takes two
    bytes per star when compressed.
    """
    paths = []
    for least in range(int(MAX_LINKED_MAGNITUDE), int(MAX_IMAGE_MAGNITUDE)):
        stars = [
            star
            for star in list_visible_stars()
            if max(least, MAX_LINKED_MAGNITUDE)
            < star.magnitude
            <= min(least + 1, MAX_IMAGE_MAGNITUDE)
        ]
        width = 2 * IMAGE_SCALE * build_dot(stars[len(stars) // 2]).radius
        paths.append(f'<path stroke-width="{width:g}" d="{_points_path(stars)}"/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" stroke="#a5aecd" stroke-linecap="round"'
        f' viewBox="0 0 {IMAGE_SCALE * WIDTH} {IMAGE_SCALE * HEIGHT}">{"".join(paths)}</svg>'
    ).encode()


def _points_path(stars: Iterable[Star]) -> str:
    """Return a path of points from left to right, each relative to the last, which keeps numbers small."""
    places = sorted(
        tuple(round(IMAGE_SCALE * part) for part in project(star.right_ascension, star.declination))
        for star in stars
    )
    steps = []
    last_x = last_y = 0
    for x, y in places:
        steps.append(f"m{x - last_x} {y - last_y}h0")
        last_x, last_y = x, y
    return "".join(steps)


@cache
def pack_stars() -> bytes:
    """Return the visible stars as five little-endian arrays, one after another, 14 bytes per star.

    The browser reads them as typed arrays, without parsing.
    """
    numbers, directions, distances = array("I"), array("h"), array("H")
    magnitudes, hues = bytearray(), bytearray()
    for star in list_visible_stars():
        numbers.append(star.hip)
        directions.extend(round(32767 * part) for part in _unit_vector(star))
        # 0 means unknown. The logarithm gives near and far distances the same relative accuracy.
        distances.append(round(DISTANCE_STEPS * math.log10(star.parsecs)) if star.parsecs else 0)
        magnitudes.append(round(MAGNITUDE_STEPS * (star.magnitude - MIN_MAGNITUDE)))
        hues.append(star.hue)
    return b"".join(
        (
            _to_little_endian(numbers),
            _to_little_endian(directions),
            _to_little_endian(distances),
            bytes(magnitudes),
            bytes(hues),
        )
    )


def _unit_vector(star: Star) -> tuple[float, float, float]:
    """Return the unit vector towards a star: x points to 0 h, y to 6 h, z to the north pole."""
    flat = math.cos(star.declination)
    return (
        flat * math.cos(star.right_ascension),
        flat * math.sin(star.right_ascension),
        math.sin(star.declination),
    )


def _to_little_endian(numbers: array[int]) -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()
