"""Trending moments: liked recently, by many people, and not by one alone (edge case 25)."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from accounts.models import User
from timeline.models import Like, Moment, Visibility
from timeline.selectors import trending
from timeline.selectors.likes import count_likes
from timeline.services import likes

pytestmark = pytest.mark.django_db
LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


@pytest.fixture
def give_likes(db):
    """Return a function that makes a number of new people like a moment some days ago."""
    users = 0

    def like(moment: Moment, people: int, days_ago: float = 0, joined: dt.datetime = LONG_AGO):
        nonlocal users
        for _ in range(people):
            users += 1
            user = User.objects.create_user(
                f"p{users}@example.org", f"p{users}", date_joined=joined
            )
            likes.like(user, moment)
            given = Like.objects.filter(user=user)
            given_at = timezone.now() - dt.timedelta(days=days_ago)
            row = given.values("counts_for_trending").get()
            given.delete()
            Like.objects.create(user=user, moment=moment, liked_at=given_at, **row)
        return moment

    return like


def titles(viewer=None, size=50):
    return [moment.title for moment in trending.list_trending(viewer, size)]


def test_it_works(make_moment, give_likes):
    give_likes(make_moment("1969-07-20", title="Two"), 2)
    give_likes(make_moment("1969-07-21", title="Three"), 3)
    give_likes(make_moment("1969-07-22", title="One"), 1)
    make_moment("1969-07-23", title="None")
    assert titles() == ["Three", "Two", "One"]
    assert titles(size=2) == ["Three", "Two"]
    assert trending.list_trending(None)[0].like_count == 3


def test_like_is_worth_half_after_a_half_life(make_moment, give_likes):
    give_likes(make_moment("1969-07-20", title="Old, three"), 3, days_ago=2.1)
    give_likes(make_moment("1969-07-21", title="Old, seven"), 7, days_ago=2.1)
    give_likes(make_moment("1969-07-22", title="New, two"), 2)
    assert titles() == ["Old, seven", "New, two", "Old, three"]


def test_database_computes_the_same_formula(make_moment, give_likes):
    moment = make_moment("1969-07-20")
    for days in (0, 1, 30, 400):
        give_likes(moment, 1, days_ago=days)
    stored = Moment.objects.get().like_tally.heat
    assert stored == pytest.approx(
        trending.compute_heat(Like.objects.values_list("liked_at", flat=True)), abs=1e-6
    )


def test_old_likes_do_not_trend(make_moment, give_likes):
    give_likes(make_moment("1969-07-20"), 3, days_ago=60)
    assert titles() == []


def test_order_does_not_change_as_time_passes():
    """So heat need not be computed again: a later time shifts all values equally."""
    now = timezone.now()
    first = [now - dt.timedelta(days=days) for days in (0, 1, 5)]
    second = [now - dt.timedelta(days=days) for days in (0.5, 0.6)]
    assert trending.compute_heat(first) > trending.compute_heat(second)
    later = dt.timedelta(days=400)
    assert trending.compute_heat([at + later for at in first]) > trending.compute_heat(
        [at + later for at in second]
    )


def test_formula_works_for_centuries():
    """The sums themselves would exceed the range of a double within eleven years."""
    far = [dt.datetime(2900, 1, 1, tzinfo=dt.UTC)] * 1000
    assert trending.compute_heat(far) > trending.compute_heat(far[:999])


def test_likes_of_new_accounts_are_counted_but_do_not_trend(make_moment, give_likes):
    moment = give_likes(make_moment("1969-07-20", title="Crowd"), 9, joined=timezone.now())
    give_likes(make_moment("1969-07-21", title="Friend"), 1)
    assert titles() == ["Friend"]
    assert count_likes(Moment.objects.get(pk=moment.pk)) == 9


@pytest.mark.parametrize("visibility", [Visibility.UNLISTED, Visibility.PRIVATE])
def test_hidden_moment_does_not_trend_even_for_its_owner(
    make_moment, give_likes, owner, visibility
):
    """Edge case 15."""
    moment = give_likes(make_moment("1969-07-20", title="Canary"), 3)
    Moment.objects.filter(pk=moment.pk).update(visibility=visibility)
    assert titles() == titles(owner) == []


def test_revoked_moment_does_not_trend(make_moment, give_likes):
    """Edge case 13."""
    moment = give_likes(make_moment("1969-07-20"), 3)
    Moment.objects.filter(pk=moment.pk).update(status="revoked")
    assert titles() == []
