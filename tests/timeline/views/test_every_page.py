"""Every page: few queries, no hidden moments, no personal data, no error 500."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.examples import scale_examples
from timeline.core.public_ids import encode_id
from timeline.models import Visibility

MAX_QUERIES = 6
# Words of the private moment. Just "canary" would match the time zone of the Canary Islands.
CANARIES = re.compile("canary[- ](title|tag|place|story)")
PAGES = [
    "/", "/timeline/", "/timeline/?before=2100-01-01", "/timeline/centuries/",
    "/timeline/centuries/20/", "/timeline/1969/", "/timeline/1969/07/", "/timeline/1969/07/20/",
    "/timeline/1969/07/20/20/", "/tags/", "/tags/moon/", "/today/07-20/", "/today/",
    "/@ada/", "/trending/", "/stars/", "/stars/32349/", "/claim/clocks/",
    "/feed.atom", "/tags/moon/feed.atom", "/@ada/feed.atom", "/@ada/calendar.ics", "/sitemap.xml",
    "/sitemap-pages.xml", "/sitemap-century-20.xml", "/sitemap-1969-07.xml", "/robots.txt",
]  # fmt: skip


@pytest.fixture
def timeline(make_tagged_moment, make_tagged_moments):
    make_tagged_moments(
        [(f"1969-07-20T20:{minute:02}:00Z", ["moon", f"tag-{minute}"], {}) for minute in range(60)]
    )
    return make_tagged_moment(
        "1969-07-20T21:00:00Z", "canary-tag", title="Canary title", place="Canary place",
        story="Canary story", visibility=Visibility.PRIVATE,
    )  # fmt: skip


@pytest.mark.parametrize("url", PAGES)
def test_it_works(client, timeline, url, django_assert_max_num_queries):
    """At most six queries, whatever the page contains."""
    with django_assert_max_num_queries(MAX_QUERIES):
        assert client.get(url).status_code == 200


@pytest.mark.parametrize("url", PAGES)
def test_hidden_moments_are_not_shown(client, timeline, url):
    """Edge case 15."""
    page = client.get(url).text.lower()
    assert not CANARIES.search(page)
    assert encode_id(timeline.pk).lower() not in page


@pytest.mark.parametrize("url", PAGES)
def test_public_page_has_no_personal_data(client, timeline, url):
    """Edge case 16."""
    response = client.get(url)
    assert response["Cache-Control"].startswith("public")
    assert "Cookie" in response["Vary"]
    assert not response.cookies
    assert "csrf" not in response.text.lower()


@pytest.mark.parametrize("url", PAGES)
def test_page_with_a_session_is_private(client, timeline, owner, url):
    client.force_login(owner)
    assert client.get(url)["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("url", PAGES)
def test_unchanged_page_is_304(client, timeline, url):
    def request_twice():
        first = client.get(url)
        return client.get(url, headers={"If-None-Match": first["ETag"]}).status_code

    # The home page shows the current second, which may change between two requests.
    assert 304 in (request_twice() for _ in range(10))


hostile = st.text(
    alphabet=st.characters(codec="utf-8") | st.sampled_from("/%?&=;.\x00\x7f\u202e"), max_size=40
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=scale_examples(300)
)
@given(
    prefix=st.sampled_from(
        ["/", "/timeline/", "/timeline/1969/", "/moments/", "/tags/", "/today/"]
    ),
    tail=hostile,
    name=st.sampled_from(["before", "after", "date", "x"]),
    value=hostile,
)
def test_random_requests_cause_no_500(timeline, prefix, tail, name, value):
    """Random and hostile requests never get a 500. The goal is 10,000 of them."""
    client = Client(raise_request_exception=False)
    response = client.get(prefix + tail, {name: value})
    assert response.status_code < 500
    assert response.status_code != 200 or "<h1" in response.text
