"""How many examples the tests of properties try, and how many rounds the tests of races run.

``ci``, the default, tries a quarter: enough to find what is plainly wrong, in each of many runs.
``HYPOTHESIS_PROFILE=long`` tries all, for a change to what such a test is about.
"""

from __future__ import annotations

import os

import hypothesis

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "ci")
SHARE = {"ci": 4, "long": 1}[PROFILE]
# What Hypothesis does when a test says nothing.
USUAL = 100


def examples(number: int) -> int:
    """Return how many examples, or rounds, of ``number`` the profile runs: never fewer than two."""
    return max(2, number // SHARE)


def load_profile() -> None:
    # No deadline: nothing depends on how fast the machine is.
    hypothesis.settings.register_profile(PROFILE, deadline=None, max_examples=examples(USUAL))
    hypothesis.settings.load_profile(PROFILE)
