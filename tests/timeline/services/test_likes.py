"""Likes: one per person and moment, counted by database triggers (edge case 25)."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Count, Q
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from tests.support.examples import scale_examples
from timeline.core.exceptions import LikeRefused
from timeline.models import Like, LikeTally, Moment
from timeline.selectors import trending
from timeline.selectors.likes import is_liked_by
from timeline.services import likes
from timeline.services.personal_data import likes as personal_likes

pytestmark = pytest.mark.django_db
LONG_AGO = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


def create_person(name: str, joined: dt.datetime = LONG_AGO) -> User:
    return User.objects.create_user(f"{name}@example.org", name, date_joined=joined)


def get_tally(moment: Moment) -> LikeTally | None:
    return LikeTally.objects.filter(moment=moment).first()


def assert_tallies_are_correct() -> None:
    """Assert that every stored count and heat equals a recount."""
    given_likes = Count("likes", filter=Q(likes__withdrawn=False))
    for moment in Moment.objects.annotate(counted=given_likes):
        tally = get_tally(moment)
        assert (tally.likes if tally else 0) == moment.counted
        weighing = moment.likes.filter(withdrawn=False, counts_for_trending=True)
        heat = trending.compute_heat(weighing.values_list("liked_at", flat=True))
        stored = tally.heat if tally else None
        assert stored == (heat if heat is None else pytest.approx(heat, abs=1e-6))


def test_it_works(make_moment, stranger):
    moment = make_moment("1969-07-20")
    likes.like(stranger, moment)
    assert get_tally(moment).likes == 1
    assert is_liked_by(stranger, moment)
    likes.unlike(stranger, moment)
    assert get_tally(moment).likes == 0
    assert not is_liked_by(stranger, moment)
    assert_tallies_are_correct()


def test_repeated_like_counts_once(make_moment, stranger):
    moment = make_moment("1969-07-20")
    for _ in range(3):
        likes.like(stranger, moment)
    assert get_tally(moment).likes == 1
    for _ in range(3):
        likes.unlike(stranger, moment)
    assert get_tally(moment).likes == 0


def test_unlike_without_a_like_changes_nothing(make_moment, stranger):
    moment = make_moment("1969-07-20")
    likes.unlike(stranger, moment)
    assert get_tally(moment) is None


def test_own_moment_cannot_be_liked(make_moment, owner):
    moment = make_moment("1969-07-20")
    with pytest.raises(LikeRefused):
        likes.like(owner, moment)
    assert not Like.objects.exists()


def test_liking_again_keeps_the_original_time(make_moment, stranger):
    moment = make_moment("1969-07-20")
    likes.like(stranger, moment)
    long_ago = timezone.now() - dt.timedelta(days=9)
    Like.objects.update(liked_at=long_ago)
    likes.unlike(stranger, moment)
    likes.like(stranger, moment)
    assert Like.objects.get().liked_at == long_ago
    assert_tallies_are_correct()


def test_database_rejects_a_second_like_and_a_negative_count(make_moment, stranger):
    """The database enforces it, whatever code writes."""
    moment = make_moment("1969-07-20")
    likes.like(stranger, moment)
    with pytest.raises(IntegrityError), transaction.atomic():
        Like.objects.create(user=stranger, moment=moment)
    with pytest.raises(IntegrityError), transaction.atomic():
        LikeTally.objects.update(likes=-1)


def test_deleting_a_moment_deletes_its_likes(make_moment, stranger):
    moment = make_moment("1969-07-20")
    likes.like(stranger, moment)
    moment.delete()
    assert not Like.objects.exists()
    assert not LikeTally.objects.exists()


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=scale_examples(25)
)
@given(
    steps=st.lists(
        st.tuples(
            st.integers(0, 2), st.integers(0, 1), st.booleans(), st.integers(0, 3000), st.booleans()
        ),
        max_size=20,
    )
)
def test_tallies_are_correct_after_any_sequence_of_changes(make_moment, steps):
    with transaction.atomic():
        people = [create_person(f"person-{number}") for number in range(3)]
        moments = [make_moment("1969-07-20"), make_moment("1969-07-21")]
        for who, what, wanted, days, counts_for_trending in steps:
            known = Like.objects.filter(user=people[who], moment=moments[what]).first()
            if known:
                known.withdrawn = not wanted
                known.save()
            elif wanted:
                Like.objects.create(
                    user=people[who], moment=moments[what], counts_for_trending=counts_for_trending,
                    liked_at=timezone.now() - dt.timedelta(days=days),
                )  # fmt: skip
        assert_tallies_are_correct()
        Like.objects.filter(user=people[0]).delete()
        assert_tallies_are_correct()
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
def test_concurrent_likes_are_counted_exactly(make_moment, close_connections):
    """Edge case 25: double clicks, two tabs and several people at the same time."""
    moment = make_moment("1969-07-20")
    people = [create_person(f"person-{number}") for number in range(6)]
    start = threading.Barrier(6)

    def click(number):
        try:
            start.wait()
            for _ in range(4):
                likes.like(people[number], moment)
                if number % 2:
                    likes.unlike(people[number], moment)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(click, range(6)))
    assert get_tally(moment).likes == 3
    assert_tallies_are_correct()


# Likes are personal data: exported and erased.


def test_likes_are_exported(make_moment, stranger):
    moments = [make_moment("1969-07-20"), make_moment("1969-07-21")]
    for moment in moments:
        likes.like(stranger, moment)
    likes.unlike(stranger, moments[1])
    (file,) = personal_likes.export(stranger)
    assert [(row["moment"], row["taken_back"]) for row in file.content] == [
        (moments[0].public_id, False),
        (moments[1].public_id, True),
    ]


def test_export_without_likes_has_no_file(make_moment, owner, stranger):
    likes.like(stranger, make_moment("1969-07-20"))
    assert list(personal_likes.export(owner)) == []


def test_likes_are_erased_in_batches(make_moment, stranger, monkeypatch):
    monkeypatch.setattr(personal_likes, "ERASE_BATCH", 2)
    others = create_person("carol")
    for day in range(1, 6):
        moment = make_moment(f"1969-07-0{day}")
        likes.like(stranger, moment)
        likes.like(others, moment)
    with transaction.atomic():
        assert [personal_likes.erase(stranger) for _ in range(4)] == [True, True, False, False]
    assert set(Like.objects.values_list("user", flat=True)) == {others.pk}
    assert_tallies_are_correct()
