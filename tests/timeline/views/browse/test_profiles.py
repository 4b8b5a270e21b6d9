"""The public page of a person."""

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


def test_a_person_without_moments_has_a_page(client, owner):
    assert "Nothing public here yet." in client.get("/@ada/").text


@pytest.mark.parametrize("visibility", [Visibility.PRIVATE, Visibility.UNLISTED])
def test_it_checks_access(client, make_moment, owner, stranger, visibility):
    """Edge case 15."""
    make_moment("1969-07-20", title="Canary", visibility=visibility)
    assert "Canary" not in client.get("/@ada/").text
    client.force_login(stranger)
    assert "Canary" not in client.get("/@ada/").text
    client.force_login(owner)
    assert "Canary" in client.get("/@ada/").text


def test_an_address_is_never_shown(client, owner):
    """Edge case 24: people are found by a chosen name, never by e-mail."""
    assert owner.email not in client.get("/@ada/").text


def test_another_spelling_leads_to_the_handle(client, owner):
    response = client.get("/@ADA/")
    assert (response.status_code, response["Location"]) == (301, "/@ada/")


@pytest.mark.parametrize(
    "url", ["/@nobody-here/", "/@/", "/@ada lovelace/", "/@" + "a" * 300 + "/"]
)
def test_who_is_not_there_is_404(client, db, url):
    assert client.get(url).status_code == 404


def test_who_may_not_log_in_has_no_page(client, owner):
    User.objects.update(is_active=False)
    assert client.get("/@ada/").status_code == 404


def test_its_figures_are_of_public_moments(client, make_moment, owner, stranger):
    """Edge case 15: the owner's own visit shows the same numbers as everybody's."""
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


def test_its_chart_leads_into_the_list(client, make_moment):
    make_moment("1969-07-20", title="Landing")
    make_moment("1972-12-11", title="Last")
    page = client.get("/@ada/").text
    assert 'href="?before=1970-01-01T00:00:00Z"' in page
    further = client.get("/@ada/?before=1970-01-01T00:00:00Z").text
    assert "Landing" in further
    assert "Last<" not in further


def test_many_years_are_shown_by_century(client, make_moment):
    for year in range(1880, 1925):
        make_moment(f"{year}-07-20")
    page = client.get("/@ada/").text
    assert "19th" in page
    assert 'href="?before=1901-01-01T00:00:00Z"' in page


def test_the_last_year_has_its_place(client, make_moment):
    """Edge case 6."""
    make_moment("0001-01-02")
    make_moment("9999-12-29")
    page = client.get("/@ada/").text
    assert 'href="?before=9999-12-31T00:00:00Z"' in page
    assert client.get("/@ada/?before=9999-12-31T00:00:00Z").status_code == 200


def test_a_bounded_number_is_counted(make_moment, owner, monkeypatch):
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


def test_the_owner_sees_which_are_hidden(client, make_moment, owner):
    make_moment("1969-07-20", visibility=Visibility.UNLISTED)
    client.force_login(owner)
    assert "Unlisted: whoever has the address" in client.get("/@ada/").text
