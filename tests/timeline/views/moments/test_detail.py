"""The page of one moment."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from timeline.core.public_ids import encode_id, random_id
from timeline.models import Moment, Status, Visibility


def test_it_works(client, make_tagged_moment):
    before = make_tagged_moment("1969-07-16", title="Lift-off")
    moment = make_tagged_moment(
        "1969-07-20T20:17:40Z", "moon", title="The Eagle has landed", story="Line one.\n\nLine two.",
        place="Sea of Tranquility", source="Apollo by the Numbers", time_zone="America/New_York",
        utc_offset=-14_400,
    )  # fmt: skip
    after = make_tagged_moment("1969-07-24", title="Splashdown")
    response = client.get(moment.get_absolute_url())
    assert response.status_code == 200
    page = response.text
    assert '<time datetime="1969-07-20T20:17:40Z">20 July 1969, 20:17:40 UTC</time>' in page
    for text in ("Sea of Tranquility", "Apollo by the Numbers", "20 July 1969, 16:17:40", "Ada",
                  "<p>Line two.</p>", "/tags/moon/", "years ago", "/timeline/1969/07/20/"):  # fmt: skip
        assert text in page
    assert f'rel="prev" href="{before.get_absolute_url()}"' in page
    assert f'rel="next" href="{after.get_absolute_url()}"' in page


def test_absolute_url_equals_the_reversed_url(make_moment):
    moment = make_moment("1969-07-20", title="Über allem: 1 €")
    assert moment.get_absolute_url() == reverse("timeline:moment", args=[moment.pk, moment.slug])


@pytest.mark.parametrize("slug", ["", "another-title/", "%F0%9F%9A%80/"])
def test_wrong_slug_redirects_to_the_canonical_address(client, make_moment, slug):
    """Edge case 19."""
    moment = make_moment("1969-07-20", title="The Eagle has landed")
    response = client.get(f"/moments/{moment.public_id}/{slug}")
    assert (response.status_code, response["Location"]) == (301, moment.get_absolute_url())


def test_title_in_any_script_has_a_page(client, make_moment):
    moment = make_moment("1969-07-20", title="日食 🌒")
    assert moment.get_absolute_url().endswith("/moment/")
    assert "<bdi>日食 🌒</bdi>" in client.get(moment.get_absolute_url()).text


@pytest.mark.parametrize("visibility", [Visibility.PRIVATE, Visibility.UNLISTED])
def test_it_checks_access(client, make_moment, owner, stranger, visibility):
    """Edge case 15: an invisible moment gets the same 404 as one that does not exist."""
    moment = make_moment("1969-07-20", visibility=visibility, title="Canary")
    missing = client.get(f"/moments/{encode_id(random_id())}/canary/")
    nobody = client.get(moment.get_absolute_url())
    client.force_login(stranger)
    as_stranger = client.get(moment.get_absolute_url())
    client.force_login(owner)
    assert client.get(moment.get_absolute_url()).status_code == 200
    if visibility == Visibility.PRIVATE:
        assert nobody.status_code == as_stranger.status_code == 404
        assert nobody.content == as_stranger.content == missing.content
        assert client.get(f"/moments/{moment.public_id}/").status_code == 301
    else:
        assert nobody.status_code == as_stranger.status_code == 200
        assert "noindex" in nobody.text


def test_tags_of_an_unlisted_moment_are_not_linked(client, make_tagged_moment):
    """If no listed moment has the tag, its page would be 404."""
    moment = make_tagged_moment("1969-07-20", "rare", visibility=Visibility.UNLISTED)
    page = client.get(moment.get_absolute_url()).text
    assert '<span class="tag">rare</span>' in page
    assert "/tags/rare/" not in page


def test_wrong_slug_of_a_private_moment_is_404(client, make_moment):
    moment = make_moment("1969-07-20", visibility=Visibility.PRIVATE, title="Canary")
    assert client.get(f"/moments/{moment.public_id}/x/").status_code == 404


@pytest.mark.parametrize("status", [Status.REVOKED, Status.RELEASED, Status.PAYING])
def test_moment_that_is_not_active_is_404(client, make_moment, status):
    moment = make_moment("1969-07-20", status=status)
    assert client.get(moment.get_absolute_url()).status_code == 404


@pytest.mark.parametrize(
    "pk", ["1", "zzzzzzzzzzz", "0O0O0O0O0O0", "%00" * 11, "1111111111", "é" * 11]
)
def test_invalid_id_is_404(client, db, pk):
    assert client.get(f"/moments/{pk}/").status_code == (400 if "%00" in pk else 404)


def test_links_in_a_story_are_safe(client, make_moment):
    """Edge case 22."""
    moment = make_moment(
        "1969-07-20",
        story="See https://example.org/x or me@example.org, javascript:alert(1) <img src=x onerror=y>",
    )
    page = client.get(moment.get_absolute_url()).text
    (link,) = re.findall(r'<a href="https://example.org/x"[^>]*>', page)
    assert 'rel="ugc nofollow"' in link
    assert 'href="javascript:' not in page
    assert "mailto:" not in page
    assert "<img src=x" not in page


def test_first_and_last_moment_say_so(client, make_moment):
    page = client.get(make_moment("1969-07-20").get_absolute_url()).text
    assert "The first public moment" in page
    assert "The last public moment" in page


def test_number_of_queries_does_not_depend_on_tags(
    client, make_tagged_moment, django_assert_max_num_queries
):
    moment = make_tagged_moment("1969-07-20", "a", "b", "c")
    with django_assert_max_num_queries(6):
        client.get(moment.get_absolute_url())
    assert Moment.objects.count() == 1


def test_moments_of_the_same_day_of_year_are_listed(client, make_moment):
    moment = make_moment("1969-07-20T20:17:40Z")
    for year in (1976, 1989, 1994, 2019):
        make_moment(f"{year}-07-20", title=f"In {year}")
    make_moment("2001-07-21", title="A day later")
    make_moment("2002-07-20", title="Canary", visibility=Visibility.PRIVATE)
    others = client.get(moment.get_absolute_url()).text.split('id="same-day"')[1]
    assert re.findall(r"<bdi>([^<]*)</bdi>", others) == ["In 2019", "In 1994", "In 1989"]
    assert 'href="/today/07-20/"' in others


def test_only_moment_on_its_day_of_year_links_to_that_day(client, make_moment):
    page = client.get(make_moment("1969-07-20").get_absolute_url()).text
    assert '<a href="/today/07-20/">20 July in other years</a>' in page


def test_future_moment_has_a_countdown(client, make_moment):
    to_come = make_moment("9000-01-01T00:00:01Z")
    assert 'data-countdown="9000-01-01T00:00:01Z"' in client.get(to_come.get_absolute_url()).text
    gone = make_moment("1969-07-20")
    assert "data-countdown" not in client.get(gone.get_absolute_url()).text
