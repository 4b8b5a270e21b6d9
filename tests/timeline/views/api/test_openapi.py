"""``/api/openapi.json``: the description of the API matches the code."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import resolve

from timeline.core.exceptions import InvalidInstant
from timeline.core.public_ids import encode_id, random_id
from timeline.core.spans import WINDOW_END, WINDOW_START, parse_instant
from timeline.views.api import patterns, urls
from timeline.views.api.fields import FIELDS
from timeline.views.api.openapi import build_document

pytestmark = pytest.mark.embedded


def iter_references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from iter_references(value)
    elif isinstance(node, list):
        for value in node:
            yield from iter_references(value)


def is_accepted(text):
    try:
        return WINDOW_START <= parse_instant(text) <= WINDOW_END
    except InvalidInstant:
        return False


def test_it_works(client):
    """It is the only response without the envelope, because tools expect the document itself."""
    response = client.get("/api/openapi.json")
    assert response["Content-Type"] == "application/json"
    assert response.json()["openapi"] == "3.1.0"


def test_every_route_is_described():
    described = {re.sub(r"{\w+}", "*", path) for path in build_document()["paths"]}
    routes = set()
    for path in described:
        route = resolve(path.replace("*", "1")).route
        routes.add("/" + re.sub(r"<[^>]+>", "*", route))
    assert described == routes
    assert len(routes) == len(urls.urlpatterns) - 1 + len(urls.period_urls)


def test_every_reference_resolves():
    whole = build_document()
    for reference in iter_references(whole):
        node = whole
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
        assert node


def test_every_operation_describes_its_errors():
    for path in build_document()["paths"].values():
        responses = path["get"]["responses"]
        assert responses.keys() == {"200", "304", "400", "404", "405", "429", "500", "503"}


def test_every_field_of_a_moment_is_described():
    schema = build_document()["components"]["schemas"]["Moment"]
    assert schema["required"] == list(FIELDS)


@pytest.mark.parametrize("year", [1, 2, 4, 1900, 1969, 2000, 2024, 9998, 9999])
def test_pattern_of_days_matches_the_calendar(year):
    for month in range(14):
        for day in range(34):
            text = f"{year:04}-{month:02}-{day:02}"
            assert bool(re.fullmatch(patterns.INSTANT, text)) == is_accepted(text), text


def test_pattern_of_leap_days_matches_the_calendar():
    for year in range(10_000):
        text = f"{year:04}-02-29"
        assert bool(re.fullmatch(patterns.INSTANT, text)) == is_accepted(text), text


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("1969-07-20T20:17:40Z", True),
        ("1969-07-20t20:17:40Z", False),
        ("1969-07-20 20:17", True),
        ("1969-07-20T20:17:40-04:56", True),
        ("1969-07-20T20:17:40+0130", True),
        ("1969-07-20T20:17:60Z", False),
        ("1969-07-20T24:00:00Z", False),
        ("1969-07-20T20:17:40+24:00", False),
        ("1969-07-20Z", False),
        ("9999-12-31T00:00:00Z", True),
        ("9999-12-31T00:00:01Z", False),
    ],
)
def test_pattern_of_instants(text, matches):
    assert bool(re.fullmatch(patterns.INSTANT, text)) == matches == is_accepted(text)


def test_pattern_of_ids():
    assert re.fullmatch(patterns.PUBLIC_ID, encode_id(random_id()))


def test_pattern_of_years():
    assert all(re.fullmatch(patterns.YEAR, f"{year:04}") for year in range(1, dt.MAXYEAR + 1))
    assert not re.fullmatch(patterns.YEAR, "0000")
