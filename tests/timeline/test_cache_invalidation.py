"""Writes that change what pages show invalidate cached pages; other writes do not."""

import datetime as dt

import pytest

from accounts.models import User
from accounts.privacy import erasure
from momentverse.page_cache.groups import EVERYTHING, GENERATIONS
from momentverse.page_cache.invalidation import get_store
from momentverse.page_cache.stores import MemoryStore
from timeline.core.spans import Span, parse_instant
from timeline.models import Moment, Status, Tag, Visibility
from timeline.services import placement, transitions
from timeline.services.claims import details, fulfilment, holds

pytestmark = pytest.mark.django_db


@pytest.fixture
def invalidated_by(monkeypatch, tmp_path, django_capture_on_commit_callbacks):
    """Return a function that runs a write, commits it, and returns the groups it invalidated."""
    store = MemoryStore(tmp_path / "tokens")
    monkeypatch.setattr("momentverse.page_cache.invalidation.get_store", lambda: store)

    def of(write):
        before = store.lookup("").generations
        with django_capture_on_commit_callbacks(execute=True):
            write()
        after = store.lookup("").generations
        return {
            name for name, old, new in zip(GENERATIONS, before, after, strict=True) if old != new
        }

    return of


TIMELINE = {"timeline"}


def test_it_works(invalidated_by, make_moment):
    assert invalidated_by(lambda: make_moment("1969-07-20T20:17:40Z")) == TIMELINE


def test_edited_moment(invalidated_by, make_moment):
    moment = make_moment("1969-07-20T20:17:40Z")
    moment.title = "Another title"
    assert EVERYTHING in invalidated_by(lambda: placement.save_moment(moment))


def test_moment_that_becomes_private(invalidated_by, make_moment):
    """Edge case 15."""
    moment = make_moment("1969-07-20T20:17:40Z")
    moment.visibility = Visibility.PRIVATE
    assert EVERYTHING in invalidated_by(lambda: placement.save_moment(moment))


def test_stale_copy_from_before_activation(invalidated_by, make_moment):
    """The stored state decides, not the copy that the writer read earlier."""
    until = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
    moment = make_moment("1969-07-20T20:17:40Z", status=Status.HELD, held_until=until)
    transitions.activate(Moment.objects.get(pk=moment.pk))
    moment.title = "Another title"
    assert EVERYTHING in invalidated_by(lambda: placement.save_moment(moment))


@pytest.mark.parametrize("remove", [
    lambda moment: transitions.revoke(moment, "refunded"),
    lambda moment: placement.delete_moments(Moment.objects.filter(pk=moment.pk)),
])  # fmt: skip
def test_revoked_or_deleted_moment(invalidated_by, make_moment, remove):
    moment = make_moment("1969-07-20T20:17:40Z")
    assert EVERYTHING in invalidated_by(lambda: remove(moment))


def test_claim_from_hold_to_edit(invalidated_by, owner):
    """Only its last step changes public pages; the steps before leave them valid."""
    span = Span(parse_instant("2001-01-01"), parse_instant("2001-01-01T01:00:00Z"))
    held = []
    assert invalidated_by(lambda: held.append(holds.hold(owner, span))) == set()
    moment = held[0]
    assert (
        invalidated_by(
            lambda: details.update_details(moment, details.MomentDetails("A title", tags=("moon",)))
        )
        == set()
    )
    assert invalidated_by(lambda: holds.extend(moment)) == set()
    until = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
    assert invalidated_by(lambda: transitions.start_payment(moment, until)) == set()
    assert invalidated_by(lambda: fulfilment.fulfil(moment.order, moment)) == TIMELINE
    words = details.MomentDetails("Another title", tags=("sun",))
    assert EVERYTHING in invalidated_by(lambda: details.edit_moment(moment, words))


def test_claim_that_is_given_back(invalidated_by, owner):
    span = Span(parse_instant("2001-01-01"), parse_instant("2001-01-01T01:00:00Z"))
    moment = holds.hold(owner, span)
    assert invalidated_by(lambda: holds.give_back(moment)) == set()
    assert invalidated_by(holds.close_expired_holds) == set()


def test_refused_write_invalidates_nothing(invalidated_by, make_moment):
    from timeline.core.exceptions import SpanTaken

    make_moment("1969-07-20T20:17:40Z")

    def write():
        with pytest.raises(SpanTaken):
            make_moment("1969-07-20T20:17:40Z")

    assert invalidated_by(write) == set()


@pytest.mark.parametrize(
    "fields", [{"handle": "lovelace"}, {"display_name": "Countess"}, {"bio": "Was here"}]
)
def test_person_who_changes_their_profile(invalidated_by, owner, fields):
    for name, value in fields.items():
        setattr(owner, name, value)
    assert EVERYTHING in invalidated_by(owner.save)
    assert EVERYTHING in invalidated_by(lambda: owner.save(update_fields=list(fields)))


def test_person_who_only_logs_in(invalidated_by, owner):
    assert invalidated_by(lambda: owner.save(update_fields=["last_login"])) == set()
    assert invalidated_by(lambda: User.objects.create_user("new@example.org", "new")) == set()


def test_erased_person(invalidated_by, make_moment, stranger):
    """Edge case 14."""
    make_moment("1969-07-20T20:17:40Z", user=stranger)
    User.objects.filter(pk=stranger.pk).update(
        email="bob@example.org", erase_after=dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
    )
    assert EVERYTHING in invalidated_by(lambda: erasure.erase(stranger.pk))


def test_deleted_person(invalidated_by, stranger):
    assert EVERYTHING in invalidated_by(stranger.delete)


def test_tags(invalidated_by, make_tagged_moment):
    make_tagged_moment("1969-07-20T20:17:40Z", "moon")
    tag = Tag.objects.get()
    assert invalidated_by(lambda: Tag.objects.create(name="sun")) == set()
    tag.name = "luna"
    assert EVERYTHING in invalidated_by(tag.save)
    assert EVERYTHING in invalidated_by(tag.delete)


def test_store_is_created_once(settings):
    get_store.cache_clear()
    assert get_store() is get_store()
