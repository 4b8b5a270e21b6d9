"""What the timeline holds on a person: exported whole, erased without a trace; edge case 14."""

from __future__ import annotations

import datetime as dt
import io
import json
import threading
import zipfile

import pytest
from allauth.mfa.models import Authenticator
from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.privacy import erasure
from tests.support.servers import wait_until
from timeline.core.spans import parse_instant
from timeline.models import Moment, Status, Tag, Visibility
from timeline.services import rollups
from timeline.services.personal_data import moments as personal_data
from timeline.services.placement import lock_spans, save_moment

pytestmark = pytest.mark.django_db

PASSWORD = "a perfectly long passphrase"
# Words of a person that must be found nowhere once they are erased.
CANARIES = {
    "email": "quokka.mail",
    "second email": "wombat.mail",
    "handle": "numbat-handle",
    "skeleton": "numbathandle",
    "display name": "Bilby Name",
    "bio": "dugong bio",
    "zone": "Antarctica/Troll",
    "title": "Echidna title",
    "story": "potoroo story",
    "place": "Cassowary place",
    "source": "kookaburra source",
    "external id": "taipan-external",
    "tag": "lorikeet-tag",
    "reason": "galah reason",
    "address": "203.0.113.77",
    "browser": "Platypus/1.0",
    "secret": "kowari-secret",
}


@pytest.fixture
def person(db):
    user = User.objects.create_user(
        f"{CANARIES['email']}@example.org",
        CANARIES["handle"],
        PASSWORD,
        display_name=CANARIES["display name"],
        bio=CANARIES["bio"],
        time_zone=CANARIES["zone"],
    )
    user.mark_email_verified()
    return user


@pytest.fixture
def their(person, tagged):
    """Return a function that places a moment of the person, full of their words."""

    def make(start, **fields):
        words = {name: CANARIES[name] for name in ("title", "story", "place", "source")}
        words |= {
            "time_zone": CANARIES["zone"],
            "external_id": f"{CANARIES['external id']}-{start}",
        }
        return tagged(start, CANARIES["tag"], "shared", user=person, **words | fields)

    return make


@pytest.fixture
def one_of_each(their):
    """Moments of a person in every state and visibility."""
    later = timezone.now() + dt.timedelta(hours=1)
    moments = [
        their(f"2001-01-0{day}", visibility=visibility)
        for day, visibility in enumerate(Visibility, 1)
    ]
    moments += [
        their(f"2002-01-0{day}", status=status, held_until=later, status_reason=CANARIES["reason"])
        for day, status in enumerate(Status, 1)
    ]
    return moments


def let_days_pass(user: User) -> None:
    User.objects.filter(pk=user.pk).update(erase_after=timezone.now() - dt.timedelta(seconds=1))


def erase(user: User) -> None:
    let_days_pass(user)
    assert erasure.erase(user.pk)


def logged_in(user: User) -> Client:
    client = Client(headers={"user-agent": CANARIES["browser"]}, REMOTE_ADDR=CANARIES["address"])
    response = client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    assert response.status_code == 302
    return client


def download(user: User) -> dict[str, str]:
    response = logged_in(user).post("/accounts/export/")
    with zipfile.ZipFile(io.BytesIO(response.getvalue())) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def everything_stored() -> str:
    """Return every value of every column of every table, as text; sessions decoded."""
    tables = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    stored = set(connection.introspection.table_names())
    assert tables <= stored
    with connection.cursor() as cursor:
        rows = []
        for table in stored:
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            rows += cursor.fetchall()
    decoded = [session.get_decoded() for session in Session.objects.all()]
    return repr((rows, decoded))


def found() -> set[str]:
    text = everything_stored().lower()
    return {name for name, words in CANARIES.items() if words.lower() in text}


def note(by: User, about: Moment | User, words: str) -> None:
    LogEntry.objects.create(
        user=by,
        content_type=ContentType.objects.get_for_model(about),
        object_id=str(about.pk),
        object_repr=str(about),
        action_flag=CHANGE,
        change_message=words,
    )


# Export


def test_it_works(person, their):
    moment = their("1969-07-20T20:17:40Z")
    (data,) = json.loads(download(person)["moments/0001.json"])
    assert data["id"] == moment.public_id
    assert (data["title"], data["story"]) == (CANARIES["title"], CANARIES["story"])
    assert data["starts_at"] == "1969-07-20T20:17:40Z"
    assert data["tags"] == [CANARIES["tag"], "shared"]
    assert data["time_zone"] == CANARIES["zone"]


def test_it_holds_moments_of_every_state_and_visibility(person, one_of_each):
    data = json.loads(download(person)["moments/0001.json"])
    assert {moment["status"] for moment in data} == set(Status.values)
    assert {moment["visibility"] for moment in data} == set(Visibility.values)
    assert [moment["starts_at"] for moment in data] == sorted(
        moment["starts_at"] for moment in data
    )


def test_every_column_of_a_moment_is_exported():
    columns = {field.name for field in Moment._meta.get_fields() if field.concrete}
    assert columns - {"id", "user", "tags"} == set(personal_data.EXPORTED_FIELDS)


def test_it_holds_nobody_elses(person, their, make_moment, stranger):
    their("2001-01-01")
    make_moment("2001-01-02", title="Owner's canary")
    make_moment("2001-01-03", user=stranger, title="Stranger's canary")
    everything = "".join(download(person).values())
    assert CANARIES["title"] in everything
    for words in ("canary", "ada", "bob", "curators.invalid"):
        assert words not in everything.lower(), words


def test_who_has_no_moments_gets_no_file_of_them(person):
    assert not [name for name in download(person) if name.startswith("moments/")]


def test_many_moments_are_many_files(
    person, make_moment, monkeypatch, django_assert_max_num_queries
):
    monkeypatch.setattr(personal_data, "EXPORT_BATCH", 2)
    for day in range(1, 6):
        make_moment(f"2001-01-0{day}", user=person)
    with django_assert_max_num_queries(8):  # moments and pictures; tags and versions of each batch
        files = list(personal_data.export(person))
    assert [(file.name, len(file.content)) for file in files] == [
        ("0001.json", 2), ("0002.json", 2), ("0003.json", 1),
    ]  # fmt: skip


# Erasure


def test_nothing_of_an_erased_person_is_found(person, one_of_each, admin_client):
    admin = User.objects.get(handle="chief")
    logged_in(person)
    person.emailaddress_set.create(email=f"{CANARIES['second email']}@example.org")
    Authenticator.objects.create(user=person, type="totp", data={"secret": CANARIES["secret"]})
    for about in (person, one_of_each[0]):
        note(admin, about, f"Moved {CANARIES['title']} of {CANARIES['handle']}.")
    assert found() == set(CANARIES)
    erase(person)
    assert found() == set()
    assert User.objects.filter(pk=person.pk).exists()


def test_nothing_of_the_way_through_the_site_is_found(person, their):
    """Log in, leave by the page, come back, leave again: as a person does it."""
    their("2001-01-01")
    client = logged_in(person)
    for address in ("/accounts/delete/", "/accounts/delete/keep/", "/accounts/delete/"):
        assert client.post(address, {"password": PASSWORD}).status_code == 302
    let_days_pass(person)
    call_command("erase_accounts", stdout=io.StringIO())
    assert found() == set()


def test_spans_are_free_again(person, one_of_each, make_moment):
    erase(person)
    assert not Moment.objects.occupying().filter(user=person).exists()
    for moment in one_of_each:
        make_moment(moment.starts_iso)


def test_each_goes_as_its_state_allows(person, one_of_each):
    before = {moment.pk: moment.status for moment in one_of_each}
    erase(person)
    after = {moment.pk: moment for moment in Moment.objects.filter(user=person)}
    gone = {
        Status.HELD: (Status.RELEASED, personal_data.ERASURE_REASON),
        Status.PAYING: (Status.RELEASED, personal_data.ERASURE_REASON),
        Status.ACTIVE: (Status.REVOKED, personal_data.ERASURE_REASON),
        Status.REVOKED: (Status.REVOKED, ""),
        Status.RELEASED: (Status.RELEASED, ""),
    }
    for pk, status in before.items():
        moment = after[pk]
        assert (moment.status, moment.status_reason) == gone[status]
        assert moment.title == "Withdrawn"


def test_counts_are_right_afterwards(person, one_of_each, make_moment):
    make_moment("2001-01-01T12:00:00Z")
    rollups.fold()
    erase(person)
    assert rollups.find_differences() == []
    rollups.fold()
    assert rollups.find_differences() == []


def test_others_moments_stay_as_they_are(person, one_of_each, tagged, stranger):
    tagged("2003-01-01", "shared", user=stranger, story="Mine")
    before = list(Moment.objects.filter(user=stranger).values())
    erase(person)
    assert list(Moment.objects.filter(user=stranger).values()) == before
    assert list(Tag.objects.values_list("name", flat=True)) == ["shared"]
    assert Moment.objects.get(user=stranger).tags.get().name == "shared"


def test_tags_that_nobody_else_uses_go(person, their):
    their("2001-01-01")
    Tag.objects.create(name="unused-by-anybody")
    erase(person)
    assert list(Tag.objects.values_list("name", flat=True)) == ["unused-by-anybody"]


def test_their_page_shows_nothing(person, their):
    moment = their("2001-01-01")
    address = moment.get_absolute_url()
    assert Client().get(address).status_code == 200
    erase(person)
    response = Client().get(address)
    assert response.status_code in (404, 410)
    assert CANARIES["title"] not in response.text


def test_it_goes_in_batches_whose_days_can_be_locked(person, make_moment, monkeypatch):
    monkeypatch.setattr(personal_data, "ERASE_BATCH", 2)
    for day in range(1, 6):
        make_moment(f"2001-01-0{day}", user=person)
    assert [personal_data.erase(person) for _ in range(4)] == [True, True, False, False]
    assert set(Moment.objects.values_list("status", "title")) == {("revoked", "Withdrawn")}


def test_more_moments_than_one_transaction_may_hold_are_erased(person, make_moment, monkeypatch):
    monkeypatch.setattr(personal_data, "ERASE_BATCH", 2)
    for day in range(1, 6):
        make_moment(f"2001-01-0{day}", user=person)
    erase(person)
    assert set(Moment.objects.values_list("status", "title")) == {("revoked", "Withdrawn")}


def test_what_is_erased_is_not_touched_again(person, one_of_each):
    personal_data.erase(person)
    before = list(Moment.objects.values())
    assert personal_data.erase(person) is False
    assert list(Moment.objects.values()) == before


def test_a_moment_with_nothing_but_tags_is_not_forgotten(person, tagged):
    tagged("2001-01-01", "lonely", user=person, title="Withdrawn", status=Status.REVOKED)
    personal_data.erase(person)
    assert not Tag.objects.exists()


def test_in_the_14_days_moments_are_as_they_were_and_new_ones_are_placed(person, their):
    moment = their("2001-01-01")
    logged_in(person).post("/accounts/delete/", {"password": PASSWORD})
    call_command("erase_accounts", stdout=io.StringIO())
    assert Client().get(moment.get_absolute_url()).status_code == 200
    assert their("2001-01-02").status == Status.ACTIVE


def test_a_busy_timeline_delays_it_and_undoes_it_whole(person, their, monkeypatch):
    their("2001-01-01")
    before = found()
    monkeypatch.setattr(personal_data, "_delete_unused_tags", lambda tags: 1 / 0)
    let_days_pass(person)
    with pytest.raises(ZeroDivisionError):
        erasure.erase(person.pk)
    assert found() == before


def test_columns_of_words_are_all_blanked():
    """A new column of text must be thought of: blanked, or no words of the owner."""
    text = {
        field.name
        for field in Moment._meta.concrete_fields
        if field.get_internal_type() in ("CharField", "TextField", "JSONField", "FileField")
    }
    assert text - {"status", "visibility", "status_reason"} <= set(personal_data.BLANK_VALUES)


def test_the_page_says_what_becomes_of_moments(person):
    text = logged_in(person).get("/accounts/delete/").text
    for sentence in personal_data.CONSEQUENCES:
        assert sentence in text


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_claim_under_way_does_not_lock_up_with_it(person, their):
    """A claimer holds its day and then refers to its owner's row; we hold the row and wait for days."""
    their("2001-01-01")
    let_days_pass(person)
    moment = Moment(
        user=person,
        title="x",
        starts_at=parse_instant("2001-01-01T12:00:00Z"),
        ends_at=parse_instant("2001-01-01T12:00:01Z"),
        held_until=timezone.now(),
    )
    day_is_locked = threading.Event()

    def claim():
        try:
            with lock_spans([moment.span]):
                day_is_locked.set()
                wait_until(somebody_waits_for_a_day, "the eraser waits for the day")
                save_moment(moment)
        finally:
            connection.close()

    thread = threading.Thread(target=claim)
    thread.start()
    assert day_is_locked.wait(10)
    erased = erasure.erase(person.pk)
    thread.join()
    assert erased
    assert Moment.objects.filter(pk=moment.pk).exists()
    assert rollups.find_differences() == []


def somebody_waits_for_a_day() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_locks JOIN pg_database AS d ON d.oid = database"
            " WHERE d.datname = current_database() AND locktype = 'advisory' AND NOT granted"
        )
        return cursor.fetchone() is not None
