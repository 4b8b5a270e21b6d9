"""Invalid queries to ``/api/timeline`` get 400 and an explanation."""

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
def test_invalid_times(get_refusal, name, text):
    """Edge case 4, edge case 5, edge case 6, edge case 19."""
    status, message = get_refusal("/api/timeline", **{name: text})
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
def test_invalid_limits(get_refusal, limit):
    assert get_refusal("/api/timeline", limit=limit) == (
        400,
        "“limit” is a whole number from 1 to 200.",
    )


@pytest.mark.parametrize("limit", [1, 200])
def test_limits_at_the_bounds_are_accepted(get_data, limit):
    assert get_data("/api/timeline", limit=limit)["moments"] == []


@pytest.mark.parametrize("end", ["1969-07-20", "1969-07-19T23:59:59Z", "1969-07-20T02:00:00+02:00"])
def test_start_must_be_before_end(get_refusal, end):
    assert get_refusal("/api/timeline", start="1969-07-20", end=end) == (
        400,
        "“start” has to be before “end”.",
    )


@pytest.mark.parametrize("name", ["start", "end", "cursor", "limit", "fields"])
def test_repeated_parameter_is_refused(get_refusal, name):
    value = {"limit": "5", "fields": "id"}.get(name, "1969-07-20")
    assert get_refusal("/api/timeline", **{name: [value, value]}) == (400, f"Give “{name}” once.")


@pytest.mark.parametrize(
    "query", ["x=" + "y" * 10_000, "&".join(["x"] * 1500), "limit=" + "9" * 9994]
)
def test_too_long_query_is_refused(client, query):
    response = client.get("/api/timeline", QUERY_STRING=query)
    assert response.status_code == 400
    assert response.json()["error"]["message"] == "The query is longer than 2000 characters."


@pytest.mark.parametrize(
    "query", ["start=%ED%A0%80", "fields=%FF%FE", "cursor=%C0%80", "start=%F0%9F%95%B0"]
)  # fmt: skip
def test_invalid_utf8_is_refused(client, query):
    """Edge case 19."""
    response = client.get("/api/timeline", QUERY_STRING=query)
    assert response.status_code == 400
    assert response.json()["ok"] is False


@pytest.mark.parametrize("query", ["%ED%A0%80=%C0", "&&==&", "=", "%", "x=%zz"])
def test_unknown_parameters_are_ignored(client, query):
    assert client.get("/api/timeline", QUERY_STRING=query).status_code == 200


@pytest.mark.parametrize(
    "path", ["%ED%A0%80", "timeline%ED%A0%80", "timeline%0A", "..%2F", "é", "a" * 9000]
)
def test_hostile_paths_are_404(client, path):
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
def test_nul_characters_are_refused(client, address):
    """Edge case 19."""
    response = client.get(address)
    assert response.status_code == 400
    assert response.json()["error"]["code"] == "bad_request"
