"""``import_moments`` with JSON Lines files."""

import io
import json

import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from timeline.models import Moment
from timeline.services.imports.jsonl_reader import read_jsonl
from timeline.services.imports.rows import COLUMNS, Refusal, Row

pytestmark = pytest.mark.django_db

ROW = {"external_id": "a", "title": "A", "starts_at": "2001-01-01T00:00:00Z", "seconds": 60}


@pytest.fixture
def import_jsonl(tmp_path):
    def run(*lines):
        path = tmp_path / "moments.jsonl"
        path.write_bytes(
            b"\n".join(
                line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines
            )
        )
        out = io.StringIO()
        call_command("import_moments", str(path), stdout=out)
        return out.getvalue()

    return run


def test_it_works(import_jsonl):
    assert "1 taken" in import_jsonl(ROW | {"tags": ["New Year", "first_day"], "story": "Zürich"})
    moment = Moment.objects.get()
    assert (moment.title, moment.story, moment.length) == ("A", "Zürich", "1 min")
    assert [tag.name for tag in moment.tags.all()] == ["first-day", "new-year"]


def test_second_run_changes_nothing(import_jsonl):
    import_jsonl(ROW)
    assert "0 taken, 0 updated, 1 unchanged" in import_jsonl(ROW)


def test_rows_are_numbered_by_line_and_empty_lines_skipped(import_jsonl):
    assert "row 3 refused: The line is no JSON." in import_jsonl(ROW, b"", b"{", b"  ")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"[1]", "no JSON object"),
        (b"\xff", "not UTF-8"),
        (b"[" * 100_000, "no JSON"),
        (b'{"title":' + b"9" * 5000 + b"}", "no JSON"),
        (ROW | {"titel": "x"}, "There is a key 'titel'"),
        (ROW | {"title": 5}, "title: a text is expected"),
        (ROW | {"title": None}, "title: Write something"),
        (ROW | {"title": "\ud800"}, "title: The text holds half of a character."),
        (ROW | {"external_id": "\ud800"}, "external_id: The text holds half of a character."),
        (ROW | {"seconds": True}, "seconds: a whole number"),
        (ROW | {"seconds": 1.0}, "seconds: a whole number"),
        (ROW | {"seconds": -1}, "seconds: a whole number"),
        (ROW | {"seconds": [1]}, "seconds: a whole number"),
        (ROW | {"tags": 5}, "tags: a list of texts"),
        (ROW | {"tags": ["a", 5]}, "tags: a list of texts"),
        (ROW | {"time_zone": "\ud800"}, "Give a time zone"),
    ],
)
def test_invalid_row_is_refused_with_a_reason(import_jsonl, line, reason):
    report = import_jsonl(line, ROW | {"external_id": "b"})
    assert "row 1 refused" in report
    assert reason in report
    assert "1 taken" in report


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(COLUMNS), values))
def test_hostile_values_are_parsed_or_refused(cells):
    file = io.BytesIO(json.dumps(cells).encode())
    (read,) = read_jsonl(file)
    assert isinstance(read, Row | Refusal)
