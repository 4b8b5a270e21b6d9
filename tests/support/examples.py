"""The number of examples that property tests try, and of rounds that race tests run.

The default profile, ``ci``, runs a quarter of them, which finds obvious mistakes, and over many runs
others too. ``HYPOTHESIS_PROFILE=long`` runs all of them; use it after a change to the code under test.
"""

from __future__ import annotations

import os

import hypothesis

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "ci")
DIVISOR = {"ci": 4, "long": 1}[PROFILE]
# Hypothesis's own default.
DEFAULT_MAX_EXAMPLES = 100


def scale_examples(number: int) -> int:
    """Return how many of ``number`` examples or rounds the profile runs, which is at least two."""
    return max(2, number // DIVISOR)


def load_profile() -> None:
    # No deadline, so that no test depends on the speed of the machine.
    hypothesis.settings.register_profile(
        PROFILE, deadline=None, max_examples=scale_examples(DEFAULT_MAX_EXAMPLES)
    )
    hypothesis.settings.load_profile(PROFILE)
