"""Time zones as people name them: by city, by country, by IANA name.

Cities and countries are those of the tz database's own tables, which ship
with the ``tzdata`` package.
"""

from __future__ import annotations

import difflib
import importlib.resources
import unicodedata
import zoneinfo
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from momentverse.timezones import TIME_ZONES
from timeline.core.exceptions import InvalidInstant

MOST_NAMED = 5


@dataclass(frozen=True)
class Zone:
    """A zone that people live in."""

    name: str  # IANA's
    place: str  # its city: "Buenos Aires"
    country: str


def place_of(name: str) -> str:
    """Return the city of an IANA name: ``America/New_York`` is New York; others stay as they are."""
    area, _, rest = name.partition("/")
    if not rest or area == "Etc":
        return name
    return rest.rpartition("/")[2].replace("_", " ")


@cache
def populated_zones() -> tuple[Zone, ...]:
    """Return the zones of the tz database's table, by name."""
    countries = dict(_rows("iso3166.tab"))
    zones = [
        Zone(name, place_of(name), countries.get(code, ""))
        for code, _, name, *_ in _rows("zone.tab")
        if name in TIME_ZONES
    ]
    return tuple(sorted(zones, key=lambda zone: zone.name))


def _rows(table: str) -> Iterator[list[str]]:
    text = (importlib.resources.files("tzdata.zoneinfo") / table).read_text("utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")


def find_zone(words: str) -> zoneinfo.ZoneInfo:
    """Return the zone that is meant: ``Europe/Berlin``, ``berlin``, ``Germany``, ``UTC``.

    Raises InvalidInstant, in a sentence: with the zones to choose from where
    several are meant, with the nearest name where none is.
    """
    wanted = _folded(words.partition(",")[0].partition("(")[0])
    found = sorted(_names().get(wanted, set()))
    if len(found) == 1:
        return zoneinfo.ZoneInfo(found[0])
    if found:
        named = ", ".join(found[:MOST_NAMED])
        more = " and others" if len(found) > MOST_NAMED else ""
        raise InvalidInstant(f"Several clocks are meant: {named}{more}. Choose one.")
    near = difflib.get_close_matches(wanted, _names(), n=1, cutoff=0.75)
    hint = f" Did you mean {min(_names()[near[0]])}?" if near else ""
    raise InvalidInstant(f"No clock is known by that name.{hint} Give a city, or UTC.")


@cache
def _names() -> dict[str, set[str]]:
    """Return what zones are called, folded; an IANA name and a city go before a country."""
    by_country: defaultdict[str, set[str]] = defaultdict(set)
    names: defaultdict[str, set[str]] = defaultdict(set)
    for zone in populated_zones():
        names[_folded(zone.place)].add(zone.name)
        by_country[_folded(zone.country)].add(zone.name)
    for country, zones in by_country.items():
        names.setdefault(country, zones)
    exact = {_folded(name): {name} for name in sorted(TIME_ZONES)}
    return names | exact | {"utc": {"UTC"}, "gmt": {"UTC"}, "z": {"UTC"}}


def _folded(words: str) -> str:
    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode()
    return " ".join(plain.lower().replace("_", " ").split())
