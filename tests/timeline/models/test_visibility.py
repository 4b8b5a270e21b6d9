"""``visible_to`` decides who sees which moment."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser

from timeline.models import Moment, Status, Visibility


def test_it_works(make_moment):
    moment = make_moment("2020-01-01")
    assert list(Moment.objects.visible_to(None)) == [moment]


@pytest.mark.parametrize("viewer", [None, AnonymousUser(), "stranger", "owner"])
@pytest.mark.parametrize("visibility", Visibility)
@pytest.mark.parametrize("by_address", [False, True])
def test_visibility_decides_who_sees_a_moment(
    request, make_moment, stranger, owner, viewer, visibility, by_address
):
    """Edge case 15."""
    make_moment("2020-01-01", visibility=visibility)
    people = {"stranger": stranger, "owner": owner}
    is_visible = Moment.objects.visible_to(
        people.get(viewer, viewer), by_address=by_address
    ).exists()
    expected = (
        viewer == "owner"
        or visibility == Visibility.PUBLIC
        or (by_address and visibility == Visibility.UNLISTED)
    )
    assert is_visible == expected


@pytest.mark.parametrize(
    "status", [status for status in Status if status not in ("active", "held")]
)
def test_owner_sees_only_active_moments(make_moment, owner, status):
    make_moment("2020-01-01", status=status)
    for by_address in (False, True):
        assert not Moment.objects.visible_to(owner, by_address=by_address).exists()
