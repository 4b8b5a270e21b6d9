"""Find time zones by city, by country or by IANA name.

Cities and countries come from the tables of the tz database, which the
``tzdata`` package contains.
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

# How many zones an error message lists when a name is ambiguous.
MAX_SUGGESTIONS = 5


@dataclass(frozen=True)
class Zone:
    """A zone from the tz database's table of populated zones."""

    name: str  # IANA name
    place: str  # city: "Buenos Aires"
    country: str


def get_city(name: str) -> str:
    """Return the city of an IANA name: New York for ``America/New_York``. Other names stay as they are."""
    area, _, rest = name.partition("/")
    if not rest or area == "Etc":
        return name
    return rest.rpartition("/")[2].replace("_", " ")


@cache
def list_populated_zones() -> tuple[Zone, ...]:
    """Return the zones of the tz database's table, sorted by name."""
    countries = dict(_read_table("iso3166.tab"))
    zones = [
        Zone(name, get_city(name), countries.get(code, ""))
        for code, _, name, *_ in _read_table("zone.tab")
        if name in TIME_ZONES
    ]
    return tuple(sorted(zones, key=lambda zone: zone.name))


def _read_table(table: str) -> Iterator[list[str]]:
    text = (importlib.resources.files("tzdata.zoneinfo") / table).read_text("utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")


def find_zone(text: str) -> zoneinfo.ZoneInfo:
    """Return the zone for ``Europe/Berlin``, ``berlin``, ``Germany`` or ``UTC``.

    Raises InvalidInstant with a sentence: it lists the zones of an ambiguous name,
    and suggests the closest name for an unknown one.
    """
    wanted = _fold_name(text.partition(",")[0].partition("(")[0])
    matches = sorted(_zones_by_name().get(wanted, set()))
    if len(matches) == 1:
        return zoneinfo.ZoneInfo(matches[0])
    if matches:
        suggestions = ", ".join(matches[:MAX_SUGGESTIONS])
        more = " and others" if len(matches) > MAX_SUGGESTIONS else ""
        raise InvalidInstant(f"Several clocks are meant: {suggestions}{more}. Choose one.")
    close = difflib.get_close_matches(wanted, _zones_by_name(), n=1, cutoff=0.75)
    hint = f" Did you mean {min(_zones_by_name()[close[0]])}?" if close else ""
    raise InvalidInstant(f"No clock is known by that name.{hint} Give a city, or UTC.")


@cache
def _zones_by_name() -> dict[str, set[str]]:
    """Map each folded name to its zones. An IANA name or a city takes precedence over a country."""
    by_country: defaultdict[str, set[str]] = defaultdict(set)
    by_name: defaultdict[str, set[str]] = defaultdict(set)
    for zone in list_populated_zones():
        by_name[_fold_name(zone.place)].add(zone.name)
        by_country[_fold_name(zone.country)].add(zone.name)
    for country, zones in by_country.items():
        by_name.setdefault(country, zones)
    by_iana_name = {_fold_name(name): {name} for name in sorted(TIME_ZONES)}
    return by_name | by_iana_name | {"utc": {"UTC"}, "gmt": {"UTC"}, "z": {"UTC"}}


def _fold_name(name: str) -> str:
    """Return a name in lower case, without accents, with single spaces."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return " ".join(plain.lower().replace("_", " ").split())
