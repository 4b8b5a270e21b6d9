"""What a list of moments takes from the database: one object a moment, and nothing that it does not show."""

from __future__ import annotations

from collections import Counter

import pytest
from django.db.models.signals import post_init

from timeline.models import Like, LikeTally, Picture

pytestmark = pytest.mark.django_db
MAX_QUERIES = 6
SHOWN = 20
LISTS = [
    "/timeline/", "/timeline/?before=2100-01-01", "/timeline/1969/", "/timeline/1969/07/20/20/",
    "/tags/moon/", "/@ada/", "/today/07-20/", "/search/?q=eagle",
]  # fmt: skip


@pytest.fixture
def moments(many_tagged):
    return many_tagged(
        [
            (
                f"1969-07-20T20:{minute:02}:00Z",
                ["moon", f"tag-{minute:02}"],
                {"title": f"Eagle {minute}"},
            )
            for minute in range(SHOWN)
        ]
    )


@pytest.fixture
def made():
    """Counts the model instances that are made, by the model's name."""
    counts = Counter()

    def note(sender, **more):
        counts[sender.__name__] += 1

    post_init.connect(note)
    yield counts
    post_init.disconnect(note)


@pytest.mark.parametrize("url", LISTS)
def test_it_works(client, moments, made, url, django_assert_max_num_queries):
    """An owner once where a page is about them, or says whose a moment is; a tag where it is the page's."""
    made.clear()
    with django_assert_max_num_queries(MAX_QUERIES):
        page = client.get(url).text
    assert page.count('class="moment"') == SHOWN
    assert page.count('href="/tags/tag-') == SHOWN
    assert made["Moment"] == SHOWN
    assert made["Tag"] <= 1
    assert made["User"] <= (SHOWN if url.startswith("/search/") else 1)


@pytest.mark.parametrize("url", LISTS)
def test_tags_stand_in_order_on_their_own_moment(client, moments, url):
    page = client.get(url).text
    for card in page.split('<li class="moment">')[1:]:
        minute = card.split('datetime="1969-07-20T20:')[1][:2]
        tags = card.split("</li>")[0].split('<a class="tag" href="/tags/')[1:]
        assert [tag.split("/")[0] for tag in tags] == ["moon", f"tag-{minute}"]


def test_what_trends(client, moments, stranger, made, django_assert_max_num_queries):
    for moment in moments:
        Like.objects.create(user=stranger, moment=moment)
    assert LikeTally.objects.filter(likes=1).count() == SHOWN
    made.clear()
    with django_assert_max_num_queries(MAX_QUERIES):
        page = client.get("/trending/").text
    assert page.count('href="/tags/tag-') == SHOWN
    assert made == {"Moment": SHOWN}


@pytest.mark.parametrize("state", Picture.State)
def test_a_picture_is_shown_when_it_is_ready(client, moments, state):
    Picture.objects.create(
        moment=moments[3], key="a" * 32, state=state, width=400, height=300,
        placeholder="p", alt="What it shows",
    )  # fmt: skip
    shown = 'class="picture-small"' in client.get("/timeline/").text
    assert shown is (state == Picture.State.READY)


@pytest.mark.parametrize(
    "address", ["/moments/{}/eagle-9/", "/embed/{}/", "/moments/{}/calendar.ics"]
)
def test_a_moments_own_pages(client, moments, address, django_assert_max_num_queries):
    with django_assert_max_num_queries(MAX_QUERIES):
        response = client.get(address.format(moments[9].public_id))
    assert response.status_code == 200
