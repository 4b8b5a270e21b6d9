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
    # Its spectrum says 9,940 K: a colour alone tells that within some hundred.
    assert sirius.temperature == pytest.approx(9940, abs=400)


@pytest.mark.parametrize(
    ("hip", "name", "constellation", "hue"),
    [(27989, "Betelgeuse", "Orion", 1), (24436, "Rigel", "Orion", 5), (91262, "Vega", "Lyra", 5),
     (11767, "Polaris", "Ursa Minor", 2), (80763, "Antares", "Scorpius", 0)],
)  # fmt: skip
def test_stars_that_everybody_knows(hip, name, constellation, hue):
    found = get_star(hip)
    assert (found.name, found.constellation, found.hue) == (name, constellation, hue)


def test_the_nearest_star_is_found_and_has_no_name():
    proxima = get_star(70890)
    assert proxima.name == "HIP 70890"
    assert proxima.light_years == pytest.approx(4.24, abs=0.03)
    assert proxima.hue == 0


def test_the_first_and_the_last_are_found():
    assert get_star(1).hip == 1
    assert get_star(120404).hip == 120404


@pytest.mark.parametrize("hip", [0, 421, 120405, 999_999])
def test_a_number_without_a_star_is_none(hip):
    """Of the numbers up to the last some are left out."""
    assert get_star(hip) is None


def test_an_unsure_parallax_tells_no_distance():
    assert get_star(1).parsecs is None  # 4.55 ± 1.25 milliarcseconds
    assert all(one.light_years is None or one.light_years > 4 for one in list_visible_stars())


def test_the_seen_stars_are_sorted_and_many():
    magnitudes = [one.magnitude for one in list_visible_stars()]
    assert magnitudes == sorted(magnitudes)
    assert len(magnitudes) == 7982
    assert magnitudes[-1] <= 6.5


def test_names_are_of_bright_stars_and_each_once():
    assert len(get_proper_names()) == len(set(get_proper_names().values()))
    assert len(get_proper_names()) > 100
    seen = {one.hip for one in list_visible_stars()}
    assert get_proper_names().keys() <= seen
