"""The API conforms to its OpenAPI document: thousands of valid and invalid requests generated from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from schemathesis.config import SchemathesisConfig

from momentverse.wsgi import application
from tests.support.examples import scale_examples
from timeline.core.exceptions import InvalidInstant
from timeline.core.public_ids import decode_id
from timeline.core.spans import parse_instant
from timeline.models import MomentTag, Tag, Visibility

pytestmark = pytest.mark.django_db

EXAMPLES = scale_examples(200)
# Operations whose parameters allow this many different requests.
OPERATIONS_WITH_PARAMETERS = ("timeline", "moment", "century", "year", "month", "day", "hour")


def put_start_before_end(context, query):
    """Put ``start`` and ``end`` in order, because JSON Schema cannot express that one precedes the other."""
    try:
        start, end = sorted((query["start"], query["end"]), key=parse_instant)
    except (KeyError, TypeError, AttributeError, InvalidInstant):
        return query
    if parse_instant(start) == parse_instant(end):
        return {name: value for name, value in query.items() if name != "end"}
    return query | {"start": start, "end": end}


def load_document():
    """Load the OpenAPI document from the API itself."""
    config = SchemathesisConfig(seed=1969)
    config.projects.default.generation.deterministic = True
    config.projects.default.generation.max_examples = EXAMPLES
    loaded = schemathesis.openapi.from_wsgi("/api/openapi.json", application, config=config)
    loaded.hook("map_query")(put_start_before_end)
    return loaded


schema = load_document()


@pytest.fixture(scope="module")
def response_counts() -> Iterator[Counter[tuple[str, int]]]:
    """Count the responses by operation and status, and check at the end that there were enough."""
    counter: Counter[tuple[str, int]] = Counter()
    yield counter
    total: Counter[str] = Counter()
    for (name, _), number in counter.items():
        total[name] += number
    assert not {
        name: total[name] for name in OPERATIONS_WITH_PARAMETERS if 0 < total[name] < EXAMPLES
    }
    for name, status in [("timeline", 200), ("timeline", 400), ("year", 200), ("year", 404)]:
        assert counter[name, status] >= EXAMPLES / 10 or not total[name]
    assert counter["moment", 200] or not total["moment"]


@pytest.fixture
def _keep_connection():
    """Keep the database connection of the test open between requests, as Django's test client does."""
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
            # The first has the id that the document uses as an example.
            **({} if index else {"id": decode_id("3mJr7AoUXx2")}),
        )
        MomentTag.objects.create(moment=moment, tag=tag)


@pytest.mark.usefixtures("_moments", "_keep_connection")
@schema.parametrize()
def test_it_works(case, response_counts):
    # Schemathesis' WSGI client accepts compressed responses, but does not decompress them.
    response = case.call_and_validate(headers={"Accept-Encoding": "identity"})
    response_counts[case.operation.definition.raw["operationId"], response.status_code] += 1
