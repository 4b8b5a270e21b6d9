"""Fixtures that call the API and check the envelope of its responses; ids of the generated tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from schemathesis.pytest.plugin import SchemathesisFunction

GetJson = Callable[..., Any]


@pytest.fixture
def get_data(client: Client) -> GetJson:
    """Return a function that requests a path and returns the data of the response."""

    def get(path: str, **query: str | int) -> Any:
        response = client.get(path, query)
        assert response.status_code == 200, response.content
        assert response["Content-Type"] == "application/json"
        body = response.json()
        assert body.keys() == {"ok", "data"}
        assert body["ok"] is True
        return body["data"]

    return get


@pytest.fixture
def get_refusal(client: Client) -> GetJson:
    """Return a function that requests a path and returns the status and message of the error."""

    def get(path: str, **query: Any) -> tuple[int, str]:
        response = client.get(path, query)
        body = response.json()
        assert body.keys() == {"ok", "error"}
        assert body["ok"] is False
        assert body["error"].keys() == {"code", "message"}
        assert body["error"]["message"].endswith(".")
        return response.status_code, body["error"]["message"]

    return get


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the operation into the id of each test that Schemathesis generates.

    Since pytest 9.2 it is only in the name. All operations would have one id, and pytest-xdist would
    run one of them.
    """
    for item in items:
        if isinstance(item, SchemathesisFunction) and item.parent and "[" not in item.nodeid:
            item._id = type(item._id).parse(f"{item.parent.nodeid}::{item.name}")
