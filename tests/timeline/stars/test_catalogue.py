"""The catalogue of stars."""

from __future__ import annotations

import pytest

from timeline.stars.catalogue import get_proper_names, get_star, list_visible_stars

pytestmark = pytest.mark.embedded


def test_it_works():
    sirius = get_star(32349)
    assert sirius.name == "Sirius"
    assert sirius.magnitude == pytest.approx(-1.09, abs=0.01)
    assert sirius.light_years == pytest.approx(8.6, abs=0.05)
    assert sirius.constellation == "Canis Major"
    # Its spectrum gives 9,940 K; the colour alone is accurate to a few hundred kelvin.
    assert sirius.temperature == pytest.approx(9940, abs=400)


@pytest.mark.parametrize(
    ("hip", "name", "constellation", "hue"),
    [(27989, "Betelgeuse", "Orion", 1), (24436, "Rigel", "Orion", 5), (91262, "Vega", "Lyra", 5),
     (11767, "Polaris", "Ursa Minor", 2), (80763, "Antares", "Scorpius", 0)],
)  # fmt: skip
def test_well_known_stars(hip, name, constellation, hue):
    found = get_star(hip)
    assert (found.name, found.constellation, found.hue) == (name, constellation, hue)


def test_nearest_star_has_no_proper_name():
    proxima = get_star(70890)
    assert proxima.name == "HIP 70890"
    assert proxima.light_years == pytest.approx(4.24, abs=0.03)
    assert proxima.hue == 0


def test_first_and_last_star_are_found():
    assert get_star(1).hip == 1
    assert get_star(120404).hip == 120404


@pytest.mark.parametrize("hip", [0, 421, 120405, 999_999])
def test_unused_number_has_no_star(hip):
    """Some numbers before the last are not used."""
    assert get_star(hip) is None


def test_inexact_parallax_gives_no_distance():
    assert get_star(1).parsecs is None  # 4.55 ± 1.25 milliarcseconds
    assert all(star.light_years is None or star.light_years > 4 for star in list_visible_stars())


def test_visible_stars_are_sorted_by_magnitude():
    magnitudes = [star.magnitude for star in list_visible_stars()]
    assert magnitudes == sorted(magnitudes)
    assert len(magnitudes) == 7982
    assert magnitudes[-1] <= 6.5


def test_proper_names_are_unique_and_belong_to_visible_stars():
    assert len(get_proper_names()) == len(set(get_proper_names().values()))
    assert len(get_proper_names()) > 100
    seen = {star.hip for star in list_visible_stars()}
    assert get_proper_names().keys() <= seen
