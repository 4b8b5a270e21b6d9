"""A write that changes what pages show makes the kept ones old; what changes nothing leaves them."""

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
def bumped(monkeypatch, tmp_path, django_capture_on_commit_callbacks):
    """Return the names of the groups that a function's committed writes give new tokens."""
    store = MemoryStore(tmp_path / "tokens")
    monkeypatch.setattr("momentverse.page_cache.invalidation.get_store", lambda: store)

    def of(write):
        before = store.look("").tokens
        with django_capture_on_commit_callbacks(execute=True):
            write()
        after = store.look("").tokens
        return {
            name for name, old, new in zip(GENERATIONS, before, after, strict=True) if old != new
        }

    return of


NEW, GONE = {"timeline"}, EVERYTHING


def test_it_works(bumped, make_moment):
    assert bumped(lambda: make_moment("1969-07-20T20:17:40Z")) == NEW


def test_a_moment_that_says_something_else(bumped, make_moment):
    moment = make_moment("1969-07-20T20:17:40Z")
    moment.title = "Another title"
    assert GONE in bumped(lambda: placement.save_moment(moment))


def test_a_moment_that_is_not_public_any_more(bumped, make_moment):
    """Edge case 15."""
    moment = make_moment("1969-07-20T20:17:40Z")
    moment.visibility = Visibility.PRIVATE
    assert GONE in bumped(lambda: placement.save_moment(moment))


def test_a_copy_from_before_it_was_active(bumped, make_moment):
    """What the database says decides, not what the writer has read earlier."""
    until = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
    moment = make_moment("1969-07-20T20:17:40Z", status=Status.HELD, held_until=until)
    transitions.activate(Moment.objects.get(pk=moment.pk))
    moment.title = "Another title"
    assert GONE in bumped(lambda: placement.save_moment(moment))


@pytest.mark.parametrize("remove", [
    lambda moment: transitions.revoke(moment, "refunded"),
    lambda moment: placement.delete_moments(Moment.objects.filter(pk=moment.pk)),
])  # fmt: skip
def test_a_moment_that_goes(bumped, make_moment, remove):
    moment = make_moment("1969-07-20T20:17:40Z")
    assert GONE in bumped(lambda: remove(moment))


def test_a_claim_from_hold_to_payment(bumped, owner):
    """Only its last step is seen by others; the steps before leave all pages as they are."""
    span = Span(parse_instant("2001-01-01"), parse_instant("2001-01-01T01:00:00Z"))
    held = []
    assert bumped(lambda: held.append(holds.hold(owner, span))) == set()
    moment = held[0]
    assert (
        bumped(
            lambda: details.update_details(moment, details.MomentDetails("A title", tags=("moon",)))
        )
        == set()
    )
    assert bumped(lambda: holds.extend(moment)) == set()
    until = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
    assert bumped(lambda: transitions.start_payment(moment, until)) == set()
    assert bumped(lambda: fulfilment.fulfil(moment.order, moment)) == NEW
    words = details.MomentDetails("Another title", tags=("sun",))
    assert GONE in bumped(lambda: details.edit_moment(moment, words))


def test_a_claim_that_is_given_back(bumped, owner):
    span = Span(parse_instant("2001-01-01"), parse_instant("2001-01-01T01:00:00Z"))
    moment = holds.hold(owner, span)
    assert bumped(lambda: holds.give_back(moment)) == set()
    assert bumped(holds.close_expired_holds) == set()


def test_what_is_refused_changes_nothing(bumped, make_moment):
    from timeline.core.exceptions import SpanTaken

    make_moment("1969-07-20T20:17:40Z")

    def write():
        with pytest.raises(SpanTaken):
            make_moment("1969-07-20T20:17:40Z")

    assert bumped(write) == set()


@pytest.mark.parametrize(
    "fields", [{"handle": "lovelace"}, {"display_name": "Countess"}, {"bio": "Was here"}]
)
def test_a_person_who_is_called_something_else(bumped, owner, fields):
    for name, value in fields.items():
        setattr(owner, name, value)
    assert GONE in bumped(owner.save)
    assert GONE in bumped(lambda: owner.save(update_fields=list(fields)))


def test_a_person_who_only_logs_in(bumped, owner):
    assert bumped(lambda: owner.save(update_fields=["last_login"])) == set()
    assert bumped(lambda: User.objects.create_user("new@example.org", "new")) == set()


def test_a_person_who_is_erased(bumped, make_moment, stranger):
    """Edge case 14."""
    make_moment("1969-07-20T20:17:40Z", user=stranger)
    User.objects.filter(pk=stranger.pk).update(
        email="bob@example.org", erase_after=dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
    )
    assert GONE in bumped(lambda: erasure.erase(stranger.pk))


def test_a_person_who_is_deleted(bumped, stranger):
    assert GONE in bumped(stranger.delete)


def test_tags(bumped, tagged):
    tagged("1969-07-20T20:17:40Z", "moon")
    tag = Tag.objects.get()
    assert bumped(lambda: Tag.objects.create(name="sun")) == set()
    tag.name = "luna"
    assert GONE in bumped(tag.save)
    assert GONE in bumped(tag.delete)


def test_writers_have_a_store(settings):
    get_store.cache_clear()
    assert get_store() is get_store()
