"""``import_moments`` with iCalendar files."""

import io

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from timeline.core.exceptions import TimelineError
from timeline.core.spans import format_instant
from timeline.models import Moment
from timeline.services.imports.ical_reader import read_ical
from timeline.services.imports.rows import Refusal, Row

pytestmark = pytest.mark.django_db

LANDING = """\
UID:apollo-11@example.org
SUMMARY:The Eagle lands\\, at last
DTSTART:19690720T201740Z
DTEND:19690720T201840Z
LOCATION:Sea of Tranquility
DESCRIPTION:One\\nTwo
CATEGORIES:Moon Landing,Apollo
CATEGORIES:space
URL:https://example.org/apollo
"""
UNTIMED = "UID:a\nSUMMARY:A\n"
CUSTOM_ZONE = """\
BEGIN:VTIMEZONE
TZID:Here
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0530
TZOFFSETTO:+0530
END:STANDARD
END:VTIMEZONE
"""


def calendar(*events, head=""):
    body = "".join(f"BEGIN:VEVENT\n{event}END:VEVENT\n" for event in events)
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//\n{head}{body}END:VCALENDAR\n"
    return text.replace("\n", "\r\n").encode()


@pytest.fixture
def import_ical(tmp_path):
    def run(content: bytes) -> str:
        path = tmp_path / "moments.ics"
        path.write_bytes(content)
        out = io.StringIO()
        call_command("import_moments", str(path), stdout=out)
        return out.getvalue()

    return run


def test_it_works(import_ical):
    assert "1 taken" in import_ical(calendar(LANDING))
    moment = Moment.objects.get()
    assert (moment.title, moment.place) == ("The Eagle lands, at last", "Sea of Tranquility")
    assert (moment.story, moment.source) == ("One\nTwo", "https://example.org/apollo")
    assert (moment.external_id, moment.time_zone) == ("apollo-11@example.org", "UTC")
    assert (moment.starts_iso, moment.length) == ("1969-07-20T20:17:40Z", "1 min")
    assert [tag.name for tag in moment.tags.all()] == ["apollo", "moon-landing", "space"]


def test_second_run_changes_nothing(import_ical):
    import_ical(calendar(LANDING))
    assert "0 taken, 0 updated, 1 unchanged" in import_ical(calendar(LANDING))


@pytest.mark.parametrize(
    ("times", "head", "start", "length", "zone"),
    [
        (
            "DTSTART:20240701T120000Z\nDURATION:PT90M",
            "",
            "2024-07-01T12:00:00Z",
            "1 h 30 min",
            "UTC",
        ),
        (
            "DTSTART;TZID=Europe/Berlin:20240701T120000\nDTEND;TZID=Europe/London:20240701T120000",
            "",
            "2024-07-01T10:00:00Z",
            "1 h",
            "Europe/Berlin",
        ),
        ("DTSTART:20240701T120000\nDURATION:PT1S", "", "2024-07-01T12:00:00Z", "1 s", "UTC"),
        (
            "DTSTART:20240701T120000\nDURATION:PT1S",
            "X-WR-TIMEZONE:Asia/Tokyo\n",
            "2024-07-01T03:00:00Z",
            "1 s",
            "Asia/Tokyo",
        ),
        (
            "DTSTART;TZID=Here:20240701T120000\nDURATION:PT1S",
            CUSTOM_ZONE,
            "2024-07-01T06:30:00Z",
            "1 s",
            "UTC",
        ),
        ("DTSTART;VALUE=DATE:20240701", "", "2024-07-01T00:00:00Z", "24 h", "UTC"),
        (
            "DTSTART;VALUE=DATE:20240701\nDTEND;VALUE=DATE:20240702",
            "",
            "2024-07-01T00:00:00Z",
            "24 h",
            "UTC",
        ),
        ("DTSTART;VALUE=DATE:20240701\nDURATION:P1D", "", "2024-07-01T00:00:00Z", "24 h", "UTC"),
        (
            "DTSTART;VALUE=DATE:20240701",
            "X-WR-TIMEZONE:Asia/Tokyo\n",
            "2024-06-30T15:00:00Z",
            "24 h",
            "Asia/Tokyo",
        ),
        # This local day has 23 hours; it must not reach into the next day.
        (
            "DTSTART;VALUE=DATE:20240331",
            "X-WR-TIMEZONE:Europe/Berlin\n",
            "2024-03-30T23:00:00Z",
            "23 h",
            "Europe/Berlin",
        ),
        # This local day has 25 hours, but a moment lasts 24 at most.
        (
            "DTSTART;VALUE=DATE:20241027\nDTEND;VALUE=DATE:20241028",
            "X-WR-TIMEZONE:Europe/Berlin\n",
            "2024-10-26T22:00:00Z",
            "24 h",
            "Europe/Berlin",
        ),
    ],
)
def test_every_form_of_time_is_parsed(times, head, start, length, zone):
    (row,) = read_ical(io.BytesIO(calendar(f"{UNTIMED}{times}\n", head=head)))
    assert isinstance(row, Row), row
    moment = row.moment
    assert (moment.starts_iso, moment.length, moment.time_zone) == (start, length, zone)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (f"{LANDING}RRULE:FREQ=DAILY\n", "The event repeats."),
        (f"{LANDING}RDATE:19700101T000000Z\n", "The event repeats."),
        (f"{LANDING}RECURRENCE-ID:19690720T201740Z\n", "The event repeats."),
        (f"{LANDING}STATUS:CANCELLED\n", "The event is cancelled."),
        (f"{LANDING}DTSTART:19690720T201740Z\n", "DTSTART: it stands there twice."),
        (f"{LANDING}SUMMARY:again\n", "SUMMARY: it stands there twice."),
        (f"{UNTIMED}DTSTART:20240701T120000Z\n", "neither DTEND nor DURATION"),
        (f"{UNTIMED}DTEND:20240701T120000Z\n", "DTSTART: it is missing."),
        (f"{UNTIMED}DTSTART:2024xx01T120000Z\nDURATION:PT1S\n", "DTSTART"),
        (f"{UNTIMED}DTSTART:PT1S\nDURATION:PT1S\n", "DTSTART: a time is expected."),
        (f"{UNTIMED}DTSTART:20240701T120000Z\nDURATION:20240701T120000Z\n", "DURATION"),
        (f"{UNTIMED}DTSTART:20240701T120000Z\nDURATION:-PT1S\n", "ends after it starts"),
        (f"{UNTIMED}DTSTART:20240701T120000Z\nDURATION:PT24H1S\n", "at most 24 hours"),
        (f"{UNTIMED}DTSTART;VALUE=DATE:20240701\nDTEND;VALUE=DATE:20240703\n", "at most 24 hours"),
        (
            f"{UNTIMED}DTSTART;VALUE=DATE:20240701\nDTEND;VALUE=DATE:20240701\n",
            "ends after it starts",
        ),
        (
            f"{UNTIMED}DTSTART;TZID=No/Where:20240701T120000\nDURATION:PT1S\n",
            "its time zone is not known",
        ),
        (f"{UNTIMED}DTSTART;TZID=Europe/Berlin:20240331T023000\nDURATION:PT1S\n", "is skipped in"),
        (f"{UNTIMED}DTSTART;TZID=Europe/Berlin:20241027T023000\nDURATION:PT1S\n", "comes twice in"),
        (f"{UNTIMED}DTSTART:20161231T235960Z\nDURATION:PT1S\n", "DTSTART"),
        (f"{UNTIMED}DTSTART:99991231T235959Z\nDURATION:P9D\n", "no such time"),
        (f"{UNTIMED}DTSTART;VALUE=TEXT:20240701\nDURATION:PT1S\n", "DTSTART: a time is expected."),
        (f"{UNTIMED}DTSTART:20240701T120000Z\nDURATION;VALUE=TEXT:x\n", "DURATION: a length"),
        (f"{LANDING}CATEGORIES;VALUE=BINARY;ENCODING=BASE64:eA==\n", "CATEGORIES: a list of texts"),
        (f"{UNTIMED}DTSTART;VALUE=DATE:20240701\nDTEND:20240703T120000Z\n", "at most 24 hours"),
        ("SUMMARY:A\nDTSTART:20240701T120000Z\nDURATION:PT1S\n", "external_id: "),
        ("UID:a\nDTSTART:20240701T120000Z\nDURATION:PT1S\n", "title: "),
    ],
)
def test_invalid_event_is_refused_with_a_reason(import_ical, event, reason):
    """Edge case 1, edge case 2, edge case 4 and edge case 6."""
    report = import_ical(calendar(event, LANDING.replace("apollo-11", "other")))
    assert "row 1" in report
    assert reason in report
    assert "1 taken, 0 updated, 0 unchanged, 1 refused" in report


def test_events_of_a_calendar_with_an_unknown_time_zone_are_refused(import_ical):
    report = import_ical(calendar(LANDING, head="X-WR-TIMEZONE:No/Where\n"))
    assert "Give a time zone such as Europe/Berlin." in report


def test_events_are_numbered_across_calendars(import_ical):
    other = LANDING.replace("apollo-11", "b").replace("1969", "1970")
    report = import_ical(calendar(LANDING) + calendar(other, f"{other}RRULE:FREQ=DAILY\n"))
    assert "row 3 refused" in report
    assert "2 taken" in report


@pytest.mark.parametrize("content", [b"hello", b"END:VCALENDAR\r\n", b"\0\xff"])
def test_file_that_is_not_a_calendar_is_an_error(import_ical, content):
    with pytest.raises(CommandError, match="is no iCalendar"):
        import_ical(content)


@pytest.mark.parametrize("content", [b"", b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n"])
def test_file_without_a_complete_event_has_no_rows(import_ical, content):
    assert import_ical(content) == "0 taken, 0 updated, 0 unchanged, 0 refused\n"


PROPERTY_NAMES = [
    "UID",
    "SUMMARY",
    "DTSTART",
    "DTEND",
    "DURATION",
    "RRULE",
    "CATEGORIES",
    "URL",
    "TZID",
    "X-A",
]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(PROPERTY_NAMES),
            st.sampled_from(
                ["", ";VALUE=DATE", ";TZID=Europe/Berlin", ";VALUE=PERIOD", ';X="', ";"]
            ),
            st.text(st.characters(codec="utf-8"), max_size=20)
            | st.sampled_from(
                ["20240701", "20240701T120000Z", "00010101T000000", "PT1H", "-P9999999D"]
            ),
        ),
        max_size=6,
    )
)
def test_hostile_events_are_parsed_or_refused(properties):
    lines = "".join(f"{name}{parameter}:{value}\n" for name, parameter, value in properties)
    try:
        rows = list(read_ical(io.BytesIO(calendar(lines))))
    except TimelineError:
        return
    assert all(isinstance(row, Row | Refusal) for row in rows)
    assert all(format_instant(row.moment.starts_at) for row in rows if isinstance(row, Row))


@given(st.binary(max_size=200))
def test_hostile_bytes_are_parsed_or_refused(content):
    try:
        list(read_ical(io.BytesIO(content)))
    except TimelineError:
        return
