"""What ``/api/timeline`` says to a query that it cannot understand: 400, and why."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.django_db

NO_TIMES = [
    "",
    "yesterday",
    "1969",
    "1969-7-20",
    "1969-02-30",
    "1900-02-29",
    "0000-01-01",
    "-0001-01-01",
    "0001-01-01",
    "0001-01-01T23:59:59Z",
    "0001-01-02T00:00:00+14:00",
    "9999-12-31T00:00:01Z",
    "9999-12-31T23:59:60",
    "9999-12-31T23:59:59-23:59",
    "10000-01-01",
    "1969-07-20T24:00:00Z",
    "1969-07-20T20:17:60Z",
    "1969-07-20T20:17:40.5Z",
    "1969-07-20T20:17:40+24:00",
    "1969-07-20T20:17:40+00:60",
    "１９６９-07-20",
    "1969-07-20T20:17:40 01:00",
    "9" * 1500,
]


@pytest.mark.parametrize("name", ["start", "end", "cursor"])
@pytest.mark.parametrize("text", NO_TIMES)
def test_times(refusal, name, text):
    """Edge case 4, edge case 5, edge case 6, edge case 19."""
    status, message = refusal("/api/timeline", **{name: text})
    assert status == 400
    assert message.startswith(f"“{name}” is not a time of the timeline. ")


@pytest.mark.parametrize(
    "limit",
    [
        "",
        "0",
        "-1",
        "201",
        "1000000",
        "9" * 1500,
        "1.0",
        "1e2",
        "0x10",
        "٣",
        "many",
        " 5",
        "05",
        "+5",
    ],
)
def test_limits(refusal, limit):
    assert refusal("/api/timeline", limit=limit) == (
        400,
        "“limit” is a whole number from 1 to 200.",
    )


@pytest.mark.parametrize("limit", [1, 200])
def test_the_bounds_of_the_limit_are_taken(ask, limit):
    assert ask("/api/timeline", limit=limit)["moments"] == []


@pytest.mark.parametrize("end", ["1969-07-20", "1969-07-19T23:59:59Z", "1969-07-20T02:00:00+02:00"])
def test_a_start_that_is_not_before_the_end(refusal, end):
    assert refusal("/api/timeline", start="1969-07-20", end=end) == (
        400,
        "“start” has to be before “end”.",
    )


@pytest.mark.parametrize("name", ["start", "end", "cursor", "limit", "fields"])
def test_a_parameter_given_twice(refusal, name):
    value = {"limit": "5", "fields": "id"}.get(name, "1969-07-20")
    assert refusal("/api/timeline", **{name: [value, value]}) == (400, f"Give “{name}” once.")


@pytest.mark.parametrize(
    "query", ["x=" + "y" * 10_000, "&".join(["x"] * 1500), "limit=" + "9" * 9994]
)
def test_a_query_that_is_too_long(client, query):
    response = client.get("/api/timeline", QUERY_STRING=query)
    assert response.status_code == 400
    assert response.json()["error"]["message"] == "The query is longer than 2000 characters."


@pytest.mark.parametrize(
    "query", ["start=%ED%A0%80", "fields=%FF%FE", "cursor=%C0%80", "start=%F0%9F%95%B0"]
)  # fmt: skip
def test_bytes_that_are_no_text(client, query):
    """Edge case 19."""
    response = client.get("/api/timeline", QUERY_STRING=query)
    assert response.status_code == 400
    assert response.json()["ok"] is False


@pytest.mark.parametrize("query", ["%ED%A0%80=%C0", "&&==&", "=", "%", "x=%zz"])
def test_nonsense_without_a_meaning_is_ignored(client, query):
    assert client.get("/api/timeline", QUERY_STRING=query).status_code == 200


@pytest.mark.parametrize(
    "path", ["%ED%A0%80", "timeline%ED%A0%80", "timeline%0A", "..%2F", "é", "a" * 9000]
)
def test_hostile_paths_are_not_found(client, path):
    response = client.get(f"/api/{path}")
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


@pytest.mark.parametrize(
    "address",
    [
        "/api/%00",
        "/api/timeline%00",
        "/api/timeline?start=1969-07-20%00",
        "/api/timeline?limit=%00",
        "/api/timeline?fields=id%00",
        "/api/timeline?unknown=%00",
        "/api/moments/%00",
        "/api/periods/1969%00",
    ],
)
def test_nul(client, address):
    """Edge case 19."""
    response = client.get(address)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "bad_request"
