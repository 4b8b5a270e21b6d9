"""Project the stars onto the sky chart."""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from timeline.core.periods import FIRST_YEAR, Period
from timeline.stars.catalogue import NAKED_EYE_LIMIT, Star, list_visible_stars

# The chart's size; the whole sky is an ellipse in it.
WIDTH, HEIGHT = 1000, 500


# Stars up to this magnitude are links of the chart itself, fainter ones an image behind them.
MAX_LINKED_MAGNITUDE = 3.5


MAX_IMAGE_MAGNITUDE = 6.0


# The image is drawn in halves of the chart's units.
IMAGE_SCALE = 2


HUES = (
    "red", "orange", "yellow", "yellow-white", "white", "blue-white",
)  # fmt: skip


RADIANS_PER_HOUR = math.pi / 12


# How a magnitude and a distance are packed: see `sky.js`.
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
    """Return the stars that are links of the chart, the brightest first."""
    return tuple(
        build_dot(one) for one in list_visible_stars() if one.magnitude <= MAX_LINKED_MAGNITUDE
    )


def build_dot(star: Star) -> Dot:
    """Return where and how large a star is drawn: one magnitude is about half a unit of radius."""
    x, y = project(star.right_ascension, star.declination)
    radius = max(0.5, 0.5 + 0.55 * (NAKED_EYE_LIMIT - star.magnitude))
    return Dot(star, round(x), round(y), round(radius, 1))


def project(right_ascension: float, declination: float) -> tuple[float, float]:
    """Return the place of a direction on the chart, in its units.

    Hammer's projection, which keeps areas: 12 h in the middle, north up, east
    to the left, as one sees the sky from inside.
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
    """``06 h 45 min, −16.7°``: right ascension and declination."""
    minutes = round(star.right_ascension / RADIANS_PER_HOUR * 60) % (24 * 60)
    degrees = math.degrees(star.declination)
    sign = "−" if degrees < 0 else "+"
    return f"{minutes // 60:02} h {minutes % 60:02} min, {sign}{abs(degrees):.1f}°"


def format_light_years(star: Star) -> str:
    """``8.6``, ``430``: light-years, as exact as the parallax is; empty when it is too inexact."""
    if star.light_years is None:
        return ""
    if star.light_years < 30:
        return f"{star.light_years:.1f}"
    return f"{float(f'{star.light_years:.2g}'):,.0f}"


def get_departure_year(star: Star, year: int) -> Period | None:
    """Return the year in which the light that arrives in ``year`` set out, if the timeline has it."""
    if star.light_years is None:
        return None
    departed = year - round(star.light_years)
    return Period.of(departed) if departed >= FIRST_YEAR else None


@cache
def render_faint_stars() -> bytes:
    """Draw stars as points with round ends: one path a magnitude, two bytes a star when compressed."""
    paths = []
    for least in range(int(MAX_LINKED_MAGNITUDE), int(MAX_IMAGE_MAGNITUDE)):
        stars = [
            one
            for one in list_visible_stars()
            if max(least, MAX_LINKED_MAGNITUDE)
            < one.magnitude
            <= min(least + 1, MAX_IMAGE_MAGNITUDE)
        ]
        width = 2 * IMAGE_SCALE * build_dot(stars[len(stars) // 2]).radius
        paths.append(f'<path stroke-width="{width:g}" d="{_points_path(stars)}"/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" stroke="#a5aecd" stroke-linecap="round"'
        f' viewBox="0 0 {IMAGE_SCALE * WIDTH} {IMAGE_SCALE * HEIGHT}">{"".join(paths)}</svg>'
    ).encode()


def _points_path(stars: Iterable[Star]) -> str:
    """Return a path of points from left to right, each by its step from the last: small whole numbers."""
    places = sorted(
        tuple(round(IMAGE_SCALE * part) for part in project(one.right_ascension, one.declination))
        for one in stars
    )
    steps = []
    last_x = last_y = 0
    for x, y in places:
        steps.append(f"m{x - last_x} {y - last_y}h0")
        last_x, last_y = x, y
    return "".join(steps)


@cache
def pack_stars() -> bytes:
    """Pack the stars, little-endian, 14 bytes each: what is read as whole arrays needs no parsing."""
    numbers, directions, distances = array("I"), array("h"), array("H")
    magnitudes, hues = bytearray(), bytearray()
    for one in list_visible_stars():
        numbers.append(one.hip)
        directions.extend(round(32767 * part) for part in _unit_vector(one))
        # 0: not known. Else the logarithm, so that near and far are equally exact.
        distances.append(round(DISTANCE_STEPS * math.log10(one.parsecs)) if one.parsecs else 0)
        magnitudes.append(round(MAGNITUDE_STEPS * (one.magnitude - MIN_MAGNITUDE)))
        hues.append(one.hue)
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
    """Return the unit vector to a star: x to 0 h, y to 6 h, z to the north pole."""
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
