"""``import_moments`` with CSV files."""

import csv
import io

import pytest
from django.core.management import CommandError, call_command
from django.db import DataError, IntegrityError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from tests.support.examples import scale_examples
from timeline.models import Moment, MomentTag, RollupDay, Tag
from timeline.services import rollups
from timeline.services.imports import importer
from timeline.services.imports.csv_reader import read_csv
from timeline.services.imports.importer import ImportReport, import_rows
from timeline.services.imports.rows import COLUMNS, Refusal, Row

pytestmark = pytest.mark.django_db

LANDING = {
    "external_id": "apollo-11",
    "title": "The Eagle lands",
    "starts_at": "1969-07-20T20:17:40Z",
    "ends_at": "1969-07-20T20:18:40Z",
    "time_zone": "America/Chicago",
    "place": "Sea of Tranquility",
    "tags": "Moon Landing;apollo;apollo",
    "story": "First line\r\nsecond line",
    "source": "NASA",
}


def format_csv(rows, columns=COLUMNS):
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def row(number, **cells):
    start = f"2001-01-{number:02}T12:00:00Z"
    return {
        "external_id": f"row-{number}",
        "title": f"Row {number}",
        "starts_at": start,
        "seconds": "60",
    } | cells


@pytest.fixture
def import_csv(tmp_path):
    """Return a function that imports rows, a text or bytes, and returns the report."""

    def run(content, **options):
        path = tmp_path / "moments.csv"
        if not isinstance(content, str | bytes):
            content = format_csv(content)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        out = io.StringIO()
        call_command("import_moments", str(path), stdout=out, **options)
        return out.getvalue()

    return run


def test_it_works(import_csv):
    assert import_csv([LANDING]) == "1 taken, 0 updated, 0 unchanged, 0 refused\n"
    moment = Moment.objects.get()
    assert (moment.title, moment.place, moment.source) == (
        "The Eagle lands",
        "Sea of Tranquility",
        "NASA",
    )
    assert moment.story == "First line\nsecond line"
    assert moment.starts_iso == "1969-07-20T20:17:40Z"
    assert (moment.status, moment.visibility, moment.external_id) == (
        "active",
        "public",
        "apollo-11",
    )
    assert (moment.time_zone, moment.utc_offset) == ("America/Chicago", -5 * 3600)
    assert moment.user.handle == "chronicle"
    assert not moment.user.has_usable_password()
    assert [tag.name for tag in moment.tags.all()] == ["apollo", "moon-landing"]
    assert set(MomentTag.objects.values_list("starts_at", flat=True)) == {moment.starts_at}


def test_counts_are_folded(import_csv):
    import_csv([LANDING])
    assert not RollupDay.objects.filter(dirty=True).exists()
    assert list(rollups.find_differences()) == []


def test_second_run_changes_nothing(import_csv):
    import_csv([LANDING])
    before = Moment.objects.values().get()
    assert import_csv([LANDING]) == "0 taken, 0 updated, 1 unchanged, 0 refused\n"
    assert Moment.objects.values().get() == before


def test_changed_text_is_updated(import_csv):
    import_csv([LANDING])
    assert "0 taken, 1 updated, 0 unchanged" in import_csv([LANDING | {"title": "Landing"}])
    assert Moment.objects.get().title == "Landing"


def test_changed_tags_are_updated(import_csv):
    import_csv([LANDING])
    assert "1 updated" in import_csv([LANDING | {"tags": "apollo;eagle"}])
    assert [tag.name for tag in Moment.objects.get().tags.all()] == ["apollo", "eagle"]
    assert Tag.objects.filter(name="moon-landing").exists()


def test_changed_times_move_the_moment_and_its_tags(import_csv):
    import_csv([LANDING])
    later = {"starts_at": "1970-01-01T00:00:00Z", "ends_at": "1970-01-01T00:00:09Z"}
    assert "1 updated" in import_csv([LANDING | later])
    moment = Moment.objects.get()
    assert moment.starts_iso == "1970-01-01T00:00:00Z"
    assert moment.utc_offset == -6 * 3600
    assert set(MomentTag.objects.values_list("starts_at", flat=True)) == {moment.starts_at}
    assert list(rollups.find_differences()) == []


def test_update_keeps_visibility(import_csv):
    import_csv([LANDING])
    Moment.objects.update(visibility="private")
    import_csv([LANDING | {"title": "Landing"}])
    assert Moment.objects.get().visibility == "private"


def test_revoked_moment_stays_revoked(import_csv):
    import_csv([LANDING])
    Moment.objects.update(status="revoked")
    assert "row 2 (apollo-11) refused: This moment is revoked" in import_csv([LANDING])
    assert Moment.objects.get().status == "revoked"


def test_occupied_span_is_refused_and_other_rows_are_imported(import_csv, make_moment):
    make_moment("2001-01-02T12:00:30Z")
    report = import_csv([row(1), row(2), row(3)])
    assert "row 3 (row-2) refused: This span, or a part of it, is taken.\n" in report
    assert "2 taken, 0 updated, 0 unchanged, 1 refused" in report


def test_move_onto_an_occupied_span_is_refused(import_csv, make_moment):
    import_csv([row(1)])
    make_moment("2001-01-02T12:00:30Z")
    assert "is taken" in import_csv([row(1, starts_at="2001-01-02T12:00:00Z")])
    assert Moment.objects.get(external_id="row-1").starts_iso == "2001-01-01T12:00:00Z"


def test_adjacent_spans_are_both_imported(import_csv):
    """Edge case 5."""
    rows = [row(1), row(2, starts_at="2001-01-01T12:01:00Z")]
    assert "2 taken" in import_csv(rows)


@pytest.mark.parametrize("error", [IntegrityError, DataError])
def test_database_error_refuses_one_row_and_other_rows_are_imported(import_csv, monkeypatch, error):
    save = importer._save

    def refusing(moment, tags, **options):
        if moment.external_id == "row-1":
            raise error
        save(moment, tags, **options)

    monkeypatch.setattr(importer, "_save", refusing)
    report = import_csv([row(1), row(2)])
    assert f"row 2 (row-1) refused: The database refuses it ({error.__name__})." in report
    assert "1 taken" in report


def test_repeated_external_id_is_refused(import_csv):
    report = import_csv([row(1), row(2, external_id="row-1")])
    assert "row 3 (row-1) refused: Its external_id stands in row 2 already." in report


def test_more_rows_than_one_batch_are_imported(import_csv):
    rows = [
        row(1, external_id=f"n-{n}", starts_at=f"2001-01-01T{n // 60:02}:{n % 60:02}:00Z")
        for n in range(450)
    ]
    assert "450 taken" in import_csv(rows)
    assert "450 unchanged" in import_csv(rows)
    assert list(rollups.find_differences()) == []


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"external_id": ""}, "external_id: Write something that can be seen."),
        ({"external_id": "x" * 101}, "external_id: Ensure this value has at most 100"),
        ({"title": ""}, "title: Write something that can be seen."),
        ({"title": "\u200b\u2060"}, "title: Write something that can be seen."),
        ({"title": "a\0b"}, "title: The text holds a NUL character."),
        ({"title": "x" * 121}, "title: Ensure this value has at most 120 characters"),
        # NFC makes it three times as long.
        ({"title": "\ufb2c" * 100}, "title: Ensure this value has at most 120 characters"),
        ({"place": "x" * 121}, "place: Ensure this value has at most 120 characters"),
        ({"source": "x" * 201}, "source: Ensure this value has at most 200 characters"),
        ({"story": "x" * 5001}, "story: Ensure this value has at most 5000 characters"),
        ({"time_zone": "Europe/Nowhere"}, "Give a time zone such as Europe/Berlin."),
        ({"starts_at": "0000-01-01T00:00:00Z"}, "There is no such time."),
        ({"starts_at": "0001-01-01T12:00:00Z"}, "The timeline runs from 0001-01-02"),
        ({"starts_at": "10000-01-01T00:00:00Z"}, "Give a time such as"),
        ({"starts_at": "1900-02-29T00:00:00Z"}, "There is no such time."),
        ({"starts_at": "2001-01-01T24:00:00Z"}, "There is no such time."),
        ({"starts_at": "2016-12-31T23:59:60Z"}, "Leap seconds have no place"),
        ({"starts_at": "2001-01-01T00:00:00.5Z"}, "whole seconds"),
        ({"starts_at": "yesterday"}, "Give a time such as"),
        ({"starts_at": ""}, "Give a time such as"),
        (
            {"starts_at": "2024-03-31T02:30:00", "time_zone": "Europe/Berlin"},
            "is skipped in Europe/Berlin",
        ),
        (
            {"starts_at": "2024-10-27T02:30:00", "time_zone": "Europe/Berlin"},
            "comes twice in Europe/Berlin",
        ),
        ({"seconds": "86401"}, "a whole number from 1 to 86400"),
        ({"seconds": "0"}, "a whole number from 1 to 86400"),
        ({"seconds": "9" * 5000}, "a whole number from 1 to 86400"),
        ({"seconds": "1.5"}, "a whole number from 1 to 86400"),
        ({"seconds": ""}, "Give either ends_at or seconds."),
        ({"seconds": " "}, "a whole number from 1 to 86400"),
        ({"ends_at": "2001-01-01T12:01:00Z"}, "Give either ends_at or seconds."),
        ({"seconds": "", "ends_at": "2001-01-02T12:00:01Z"}, "at most 24 hours long"),
        ({"seconds": "", "ends_at": "2001-01-01T12:00:00Z"}, "ends after it starts"),
        ({"seconds": "", "ends_at": "2001-01-01T11:00:00Z"}, "ends after it starts"),
        ({"starts_at": "9999-12-30T23:59:30Z"}, "The timeline runs from"),
        ({"tags": "\u65e5\u672c"}, "tags: "),
        ({"tags": "x" * 41}, "tags: one is 41 characters long, 40 at most."),
        ({"tags": ";".join(f"t{n}" for n in range(21))}, "tags: there are 21, 20 at most."),
    ],
)
def test_invalid_row_is_refused_with_a_reason(import_csv, cells, reason):
    """Edge case 1, edge case 2, edge case 4, edge case 5, edge case 6 and edge case 19."""
    report = import_csv([row(1, **cells), row(5)])
    assert reason in report
    assert "1 taken, 0 updated, 0 unchanged, 1 refused" in report


def test_span_of_24_hours_is_imported(import_csv):
    assert "1 taken" in import_csv([row(1, seconds="86400")])


def test_last_second_of_the_timeline_is_imported(import_csv):
    """Edge case 6."""
    assert "1 taken" in import_csv([row(1, starts_at="9999-12-30T23:59:59Z", seconds="1")])


def test_span_across_a_repeated_hour_has_its_true_length(import_csv):
    """Edge case 2."""
    cells = {"starts_at": "2024-10-27T01:30:00", "ends_at": "2024-10-27T03:30:00", "seconds": ""}
    import_csv([row(1, time_zone="Europe/Berlin", **cells)])
    assert Moment.objects.get().length == "3 h"


def test_row_in_another_encoding_is_refused(import_csv):
    text = format_csv([row(1, title="Zürich"), row(2)])
    report = import_csv(text.encode("latin-1"))
    assert "row 2 refused: The row is not UTF-8." in report
    assert "1 taken" in report


def test_byte_order_mark_is_skipped(import_csv):
    assert "1 taken" in import_csv(b"\xef\xbb\xbf" + format_csv([row(1)]).encode())


def test_rows_with_too_few_or_too_many_cells_are_refused(import_csv):
    report = import_csv(
        "external_id,title,starts_at,seconds\na,A\n\nb,B,2001-01-01,1,more\nc,C,2001-01-01,1\n"
    )
    assert "row 2 refused: The row has 2 cells, the header 4." in report
    assert "row 4 refused: The row has 5 cells, the header 4." in report
    assert "1 taken" in report


def test_broken_quotes_are_refused(import_csv):
    report = import_csv(
        'external_id,title,starts_at,seconds\n"a"x,A,2001-01-01,1\nb,B,2001-01-01,1\n'
    )
    assert "row 2 refused: The row is no CSV" in report
    assert "1 taken" in report


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "names no column external_id, title, starts_at"),
        ("external_id,starts_at\n", "names no column title"),
        ("external_id,title,starts_at,end\n", "has a column 'end'"),
        ("external_id,title,title,starts_at\n", "names a column twice"),
        ('"external_id', "is no CSV"),
    ],
)
def test_file_without_a_valid_header_is_an_error(import_csv, text, reason):
    with pytest.raises(CommandError, match=reason):
        import_csv(text)


def test_missing_file_is_an_error(tmp_path):
    with pytest.raises(CommandError, match="No such file"):
        call_command("import_moments", str(tmp_path / "none.csv"))


def test_unknown_suffix_is_an_error_unless_the_format_is_given(tmp_path):
    path = tmp_path / "moments.txt"
    path.write_text(format_csv([row(1)]))
    with pytest.raises(CommandError, match="--format"):
        call_command("import_moments", str(path))
    call_command("import_moments", str(path), format="csv", stdout=io.StringIO())
    assert Moment.objects.count() == 1


def test_owner_can_be_chosen(import_csv, owner):
    import_csv([row(1)], owner="@Ada")
    assert Moment.objects.get().user == owner


def test_unknown_owner_is_an_error(import_csv):
    with pytest.raises(CommandError, match="nobody called eve"):
        import_csv([row(1)], owner="eve")


def test_two_owners_may_use_the_same_external_id(import_csv, owner):
    import_csv([row(1)])
    assert "1 taken" in import_csv([row(1, starts_at="2001-02-01T00:00:00Z")], owner="ada")


def test_dry_run_reports_the_same_and_writes_nothing(import_csv, make_moment):
    make_moment("2001-01-02T12:00:30Z")
    rows = [row(1, tags="a"), row(2), row(3), row(4, title="")]
    dry = import_csv(rows, dry_run=True)
    assert dry.endswith("Dry run: nothing was written.\n")
    assert Moment.objects.count() == 1
    assert not Tag.objects.exists()
    assert not User.objects.filter(handle="chronicle").exists()
    assert dry == import_csv(rows) + "Dry run: nothing was written.\n"


def test_dry_run_remembers_spans_that_earlier_batches_would_occupy(import_csv):
    """Rows 1 and 301 have the same span, but are not in the same batch."""
    rows = [
        row(1, external_id=f"n-{n}", starts_at=f"2001-01-01T{n % 300 // 60:02}:{n % 60:02}:00Z")
        for n in range(301)
    ]
    dry = import_csv(rows, dry_run=True)
    assert "row 302 (n-300) refused: This span, or a part of it, is taken." in dry
    assert dry == import_csv(rows) + "Dry run: nothing was written.\n"


def test_dry_run_remembers_spans_that_earlier_batches_would_free(import_csv):
    import_csv([row(1)])
    moved = row(1, starts_at="2002-01-01T00:00:00Z")
    between = [
        row(1, external_id=f"n-{n}", starts_at=f"2003-01-01T{n // 60:02}:{n % 60:02}:00Z")
        for n in range(300)
    ]
    rows = [moved, *between, row(1, external_id="heir")]
    dry = import_csv(rows, dry_run=True)
    assert "301 taken, 1 updated, 0 unchanged, 0 refused" in dry
    assert dry == import_csv(rows) + "Dry run: nothing was written.\n"


def test_hostile_external_id_is_escaped_in_the_report(import_csv):
    report = import_csv(
        [row(1, external_id="\u202eabc\u0378"), row(2, external_id="\u202eabc\u0378")]
    )
    assert report.isascii()


hostile = st.text(st.characters(codec="utf-8"), max_size=200)


@given(st.lists(st.fixed_dictionaries(dict.fromkeys(COLUMNS, hostile)), max_size=3))
def test_hostile_text_is_parsed_or_refused(rows):
    read = list(read_csv(io.BytesIO(format_csv(rows).encode())))
    assert len(read) <= len(rows)
    assert all(isinstance(row, Row | Refusal) for row in read)


@given(st.binary(max_size=300))
def test_hostile_bytes_are_parsed_or_refused(content):
    file = io.BytesIO(b"external_id,title,starts_at,seconds\n" + content)
    assert all(isinstance(row, Row | Refusal) for row in read_csv(file))


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=scale_examples(50)
)
@given(title=hostile, place=hostile, story=hostile, source=hostile, external_id=hostile)
def test_every_parsed_row_can_be_stored_and_is_unchanged_afterwards(owner, **texts):
    """Edge case 19."""
    Moment.objects.all().delete()
    content = format_csv([row(1, **texts)]).encode()
    report, again = ImportReport(), ImportReport()
    for each in (report, again):
        import_rows(read_csv(io.BytesIO(content)), lambda: owner, each)
    counts = [list(each.counts.values()) for each in (report, again)]
    assert counts in ([[1, 0, 0], [0, 0, 1]], [[0, 0, 0], [0, 0, 0]])
    assert len(report.refusals) == 1 - sum(report.counts.values())
