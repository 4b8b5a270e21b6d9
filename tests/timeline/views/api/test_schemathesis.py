"""The API against its own description: thousands of queries, right and wrong, made from the document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from schemathesis.config import SchemathesisConfig

from momentverse.wsgi import application
from tests.support.examples import examples
from timeline.core.exceptions import InvalidInstant
from timeline.core.public_ids import decode_id
from timeline.core.spans import parse_instant
from timeline.models import MomentTag, Tag, Visibility

pytestmark = pytest.mark.django_db

EXAMPLES = examples(200)
# What an operation can be asked in so many ways.
MANY_WAYS = ("timeline", "moment", "century", "year", "month", "day", "hour")


def start_before_end(context, query):
    """Put two times in order: that one is before the other cannot be said in JSON Schema."""
    try:
        start, end = sorted((query["start"], query["end"]), key=parse_instant)
    except (KeyError, TypeError, AttributeError, InvalidInstant):
        return query
    if parse_instant(start) == parse_instant(end):
        return {name: value for name, value in query.items() if name != "end"}
    return query | {"start": start, "end": end}


def described():
    """Return the API's description as it is served."""
    config = SchemathesisConfig(seed=1969)
    config.projects.default.generation.deterministic = True
    config.projects.default.generation.max_examples = EXAMPLES
    loaded = schemathesis.openapi.from_wsgi("/api/openapi.json", application, config=config)
    loaded.hook("map_query")(start_before_end)
    return loaded


schema = described()


@pytest.fixture(scope="module")
def answers() -> Iterator[Counter[tuple[str, int]]]:
    """Count the answers by operation and status; at the end, see that they were not few."""
    counter: Counter[tuple[str, int]] = Counter()
    yield counter
    total: Counter[str] = Counter()
    for (name, _), number in counter.items():
        total[name] += number
    assert not {name: total[name] for name in MANY_WAYS if 0 < total[name] < EXAMPLES}
    for name, status in [("timeline", 200), ("timeline", 400), ("year", 200), ("year", 404)]:
        assert counter[name, status] >= EXAMPLES / 10 or not total[name]
    assert counter["moment", 200] or not total["moment"]


@pytest.fixture
def _one_connection():
    """Keep the test's connection over requests, as Django's own test client does."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def _moments(make_moment):
    tag = Tag.objects.create(name="space")
    for index in range(48):
        moment = make_moment(
            f"{1 + index * 212:04}-07-20T20:17:40Z",
            seconds=1 + index * 1800,
            story="Long ago",
            visibility=list(Visibility)[index % 3],
            # The first is the one that the description has as its example.
            **({} if index else {"id": decode_id("3mJr7AoUXx2")}),
        )
        MomentTag.objects.create(moment=moment, tag=tag)


@pytest.mark.usefixtures("_moments", "_one_connection")
@schema.parametrize()
def test_it_works(case, answers):
    # Its WSGI client asks for compressed answers, but does not unpack them.
    response = case.call_and_validate(headers={"Accept-Encoding": "identity"})
    answers[case.operation.definition.raw["operationId"], response.status_code] += 1
