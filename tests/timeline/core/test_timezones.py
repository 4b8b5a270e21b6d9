"""Time zones by city, country and IANA name."""

from __future__ import annotations

import zoneinfo

import pytest

from timeline.core.exceptions import InvalidInstant
from timeline.core.timezones import find_zone, get_city, list_populated_zones


def test_it_works():
    assert find_zone("Europe/Berlin").key == "Europe/Berlin"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("berlin", "Europe/Berlin"),
        ("  New   York ", "America/New_York"),
        ("new_york", "America/New_York"),
        ("america/new_york", "America/New_York"),
        ("Buenos Aires", "America/Argentina/Buenos_Aires"),
        ("Japan", "Japan"),
        ("Kenya", "Africa/Nairobi"),
        ("Tokyo, Japan", "Asia/Tokyo"),
        ("São Paulo", "America/Sao_Paulo"),
        ("utc", "UTC"),
        ("GMT", "UTC"),
        ("Z", "UTC"),
        ("Etc/GMT+5", "Etc/GMT+5"),
    ],
)
def test_zone_is_found_by_place_or_name(text, name):
    assert find_zone(text).key == name


def test_country_with_several_zones_is_refused_with_a_list():
    with pytest.raises(
        InvalidInstant, match=r"Several clocks are meant: .*Australia/.* Choose one"
    ):
        find_zone("Australia")


@pytest.mark.parametrize("text", ["", "   ", "Atlantis", "\0", "../../etc/passwd", "x" * 10_000])
def test_unknown_place_is_refused_with_a_sentence(text):
    with pytest.raises(InvalidInstant, match=r"No clock is known by that name\..* or UTC\."):
        find_zone(text)


def test_misspelt_place_gets_a_suggestion():
    with pytest.raises(InvalidInstant, match="Did you mean Europe/Berlin"):
        find_zone("Berlni")


def test_each_populated_zone_is_found_by_its_name():
    zones = list_populated_zones()
    assert len(zones) > 300
    assert [zone.name for zone in zones] == sorted(zone.name for zone in zones)
    for zone in zones:
        assert find_zone(zone.name) == zoneinfo.ZoneInfo(zone.name)
        assert zone.country


def test_city_is_the_last_part_of_the_name():
    assert get_city("America/Argentina/Buenos_Aires") == "Buenos Aires"
    assert get_city("UTC") == "UTC"
    assert get_city("Etc/GMT+5") == "Etc/GMT+5"
