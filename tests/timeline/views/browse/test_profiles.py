"""The public profile page of a person."""

from __future__ import annotations

import pytest

from accounts.models import User
from timeline.models import Visibility
from timeline.selectors import profiles
from timeline.services import likes


def test_it_works(client, make_moment, owner, stranger):
    owner.bio = "Computes <b>tables</b>."
    owner.save()
    make_moment("1969-07-20", title="Mine")
    make_moment("1969-07-21", title="Not mine", user=stranger)
    page = client.get("/@ada/").text
    assert "<h1><bdi>Ada</bdi></h1>" in page
    assert "Computes &lt;b&gt;tables&lt;/b&gt;." in page
    assert "Mine" in page
    assert "Not mine" not in page


def test_person_without_moments_has_a_page(client, owner):
    assert "Nothing public here yet." in client.get("/@ada/").text


@pytest.mark.parametrize("visibility", [Visibility.PRIVATE, Visibility.UNLISTED])
def test_hidden_moments_are_shown_to_their_owner_only(
    client, make_moment, owner, stranger, visibility
):
    """Edge case 15."""
    make_moment("1969-07-20", title="Canary", visibility=visibility)
    assert "Canary" not in client.get("/@ada/").text
    client.force_login(stranger)
    assert "Canary" not in client.get("/@ada/").text
    client.force_login(owner)
    assert "Canary" in client.get("/@ada/").text


def test_email_address_is_never_shown(client, owner):
    """Edge case 24: people are known by the name they choose, never by their e-mail address."""
    assert owner.email not in client.get("/@ada/").text


def test_other_spelling_redirects_to_the_handle(client, owner):
    response = client.get("/@ADA/")
    assert (response.status_code, response["Location"]) == (301, "/@ada/")


@pytest.mark.parametrize(
    "url", ["/@nobody-here/", "/@/", "/@ada lovelace/", "/@" + "a" * 300 + "/"]
)
def test_unknown_handle_is_404(client, db, url):
    assert client.get(url).status_code == 404


def test_inactive_user_has_no_page(client, owner):
    User.objects.update(is_active=False)
    assert client.get("/@ada/").status_code == 404


def test_statistics_count_public_moments_only(client, make_moment, owner, stranger):
    """Edge case 15: the owner sees the same numbers as everybody."""
    landed = make_moment("1969-07-20")
    make_moment("1972-12-11")
    make_moment("1980-01-01", visibility=Visibility.PRIVATE)
    likes.like(stranger, landed)
    for viewer in (None, owner):
        if viewer:
            client.force_login(viewer)
        page = client.get("/@ada/").text
        assert "<dt>Public moments</dt><dd>2</dd>" in page
        assert "<dt>Liked</dt><dd>1 time</dd>" in page
        assert "<dt>Years</dt><dd>1969 to 1972</dd>" in page
        assert ">1980<" not in page.split("<h2>Moments</h2>")[0]


def test_chart_links_into_the_list(client, make_moment):
    make_moment("1969-07-20", title="Landing")
    make_moment("1972-12-11", title="Last")
    page = client.get("/@ada/").text
    assert 'href="?before=1970-01-01T00:00:00Z"' in page
    further = client.get("/@ada/?before=1970-01-01T00:00:00Z").text
    assert "Landing" in further
    assert "Last<" not in further


def test_many_years_are_grouped_by_century(client, make_moment):
    for year in range(1880, 1925):
        make_moment(f"{year}-07-20")
    page = client.get("/@ada/").text
    assert "19th" in page
    assert 'href="?before=1901-01-01T00:00:00Z"' in page


def test_last_year_of_the_timeline_has_a_cell(client, make_moment):
    """Edge case 6."""
    make_moment("0001-01-02")
    make_moment("9999-12-29")
    page = client.get("/@ada/").text
    assert 'href="?before=9999-12-31T00:00:00Z"' in page
    assert client.get("/@ada/?before=9999-12-31T00:00:00Z").status_code == 200


def test_count_is_bounded(make_moment, owner, monkeypatch):
    monkeypatch.setattr(profiles, "MAX_COUNTED", 2)
    for day in (1, 2):
        make_moment(f"1969-07-0{day}")
    assert (
        profiles.get_profile_stats(owner).moments,
        profiles.get_profile_stats(owner).is_all,
    ) == (2, True)
    make_moment("1969-07-03")
    assert (
        profiles.get_profile_stats(owner).moments,
        profiles.get_profile_stats(owner).is_all,
    ) == (2, False)


def test_owner_sees_which_moments_are_hidden(client, make_moment, owner):
    make_moment("1969-07-20", visibility=Visibility.UNLISTED)
    client.force_login(owner)
    assert "Unlisted: whoever has the address" in client.get("/@ada/").text
