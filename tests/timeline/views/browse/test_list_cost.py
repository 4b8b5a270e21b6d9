"""The cost of a list of moments: few queries, and no more model instances than it shows."""

from __future__ import annotations

from collections import Counter

import pytest
from django.db.models.signals import post_init

from timeline.models import Like, LikeTally, Picture

pytestmark = pytest.mark.django_db
MAX_QUERIES = 6
MOMENTS = 20
LISTS = [
    "/timeline/", "/timeline/?before=2100-01-01", "/timeline/1969/", "/timeline/1969/07/20/20/",
    "/tags/moon/", "/@ada/", "/today/07-20/", "/search/?q=eagle",
]  # fmt: skip


@pytest.fixture
def moments(make_tagged_moments):
    return make_tagged_moments(
        [
            (
                f"1969-07-20T20:{minute:02}:00Z",
                ["moon", f"tag-{minute:02}"],
                {"title": f"Eagle {minute}"},
            )
            for minute in range(MOMENTS)
        ]
    )


@pytest.fixture
def instance_counts():
    """Count the model instances that are created, by the model's name."""
    counts = Counter()

    def count(sender, **kwargs):
        counts[sender.__name__] += 1

    post_init.connect(count)
    yield counts
    post_init.disconnect(count)


@pytest.mark.parametrize("url", LISTS)
def test_it_works(client, moments, instance_counts, url, django_assert_max_num_queries):
    """A profile creates its owner once, a tag page its tag once, and search results their owners."""
    instance_counts.clear()
    with django_assert_max_num_queries(MAX_QUERIES):
        page = client.get(url).text
    assert page.count('class="moment"') == MOMENTS
    assert page.count('href="/tags/tag-') == MOMENTS
    assert instance_counts["Moment"] == MOMENTS
    assert instance_counts["Tag"] <= 1
    assert instance_counts["User"] <= (MOMENTS if url.startswith("/search/") else 1)


@pytest.mark.parametrize("url", LISTS)
def test_tags_are_sorted_on_their_own_moment(client, moments, url):
    page = client.get(url).text
    for card in page.split('<li class="moment">')[1:]:
        minute = card.split('datetime="1969-07-20T20:')[1][:2]
        tags = card.split("</li>")[0].split('<a class="tag" href="/tags/')[1:]
        assert [tag.split("/")[0] for tag in tags] == ["moon", f"tag-{minute}"]


def test_trending_page(client, moments, stranger, instance_counts, django_assert_max_num_queries):
    for moment in moments:
        Like.objects.create(user=stranger, moment=moment)
    assert LikeTally.objects.filter(likes=1).count() == MOMENTS
    instance_counts.clear()
    with django_assert_max_num_queries(MAX_QUERIES):
        page = client.get("/trending/").text
    assert page.count('href="/tags/tag-') == MOMENTS
    assert instance_counts == {"Moment": MOMENTS}


@pytest.mark.parametrize("state", Picture.State)
def test_picture_is_shown_when_it_is_ready(client, moments, state):
    Picture.objects.create(
        moment=moments[3], key="a" * 32, state=state, width=400, height=300,
        placeholder="p", alt="What it shows",
    )  # fmt: skip
    shown = 'class="picture-small"' in client.get("/timeline/").text
    assert shown is (state == Picture.State.READY)


@pytest.mark.parametrize(
    "address", ["/moments/{}/eagle-9/", "/embed/{}/", "/moments/{}/calendar.ics"]
)
def test_pages_of_a_single_moment(client, moments, address, django_assert_max_num_queries):
    with django_assert_max_num_queries(MAX_QUERIES):
        response = client.get(address.format(moments[9].public_id))
    assert response.status_code == 200
