"""The cells of the heat map."""

from __future__ import annotations

import pytest

from timeline.core.periods import Period
from timeline.selectors.rollups import EMPTY_TALLY, Tally
from timeline.views.charts.heatmap import DARKEST_SHADE, build_cells, format_claimed_share

YEARS = [Period.of(year) for year in (1968, 1969, 1970)]


def test_it_works():
    cells = build_cells(zip(YEARS, (EMPTY_TALLY, Tally(1, 60), Tally(12_000, 1)), strict=True))
    assert [(cell.name, cell.count, cell.shade) for cell in cells] == [
        ("1968", "0", 0),
        ("1969", "1", 1),
        ("1970", "12,000", DARKEST_SHADE),
    ]
    assert cells[1].url == "/timeline/1969/"


def test_cells_without_moments_are_not_shaded():
    assert [cell.shade for cell in build_cells((year, EMPTY_TALLY) for year in YEARS)] == [0, 0, 0]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "nothing"), (1, "less than 0.01 %"), (86, "0.1 %"), (864, "1 %"), (2678, "3.1 %"),
     (43_200, "50 %"), (86_399, "99 %"), (86_400, "100 %")],
)  # fmt: skip
def test_claimed_share_is_formatted(seconds, words):
    """Never 100 % while a second is free."""
    assert format_claimed_share(Period.of(1969, 7, 20), Tally(1, seconds)) == words
