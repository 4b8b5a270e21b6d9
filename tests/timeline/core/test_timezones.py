"""Time zones as people name them."""

from __future__ import annotations

import zoneinfo

import pytest

from timeline.core.exceptions import InvalidInstant
from timeline.core.timezones import find_zone, get_city, list_populated_zones


def test_it_works():
    assert find_zone("Europe/Berlin").key == "Europe/Berlin"


@pytest.mark.parametrize(
    ("words", "name"),
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
def test_places_are_found(words, name):
    assert find_zone(words).key == name


def test_a_country_with_several_clocks_asks_which():
    with pytest.raises(
        InvalidInstant, match=r"Several clocks are meant: .*Australia/.* Choose one"
    ):
        find_zone("Australia")


@pytest.mark.parametrize("words", ["", "   ", "Atlantis", "\0", "../../etc/passwd", "x" * 10_000])
def test_what_is_no_place_is_refused_in_a_sentence(words):
    with pytest.raises(InvalidInstant, match=r"No clock is known by that name\..* or UTC\."):
        find_zone(words)


def test_a_slip_is_met_with_what_was_meant():
    with pytest.raises(InvalidInstant, match="Did you mean Europe/Berlin"):
        find_zone("Berlni")


def test_each_zone_of_the_list_is_found_by_its_name():
    zones = list_populated_zones()
    assert len(zones) > 300
    assert [zone.name for zone in zones] == sorted(zone.name for zone in zones)
    for zone in zones:
        assert find_zone(zone.name) == zoneinfo.ZoneInfo(zone.name)
        assert zone.country


def test_a_place_is_said_by_its_city():
    assert get_city("America/Argentina/Buenos_Aires") == "Buenos Aires"
    assert get_city("UTC") == "UTC"
    assert get_city("Etc/GMT+5") == "Etc/GMT+5"
