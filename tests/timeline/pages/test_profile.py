"""The public page of a person."""

from __future__ import annotations

import pytest

from accounts.models import User
from timeline.models import Visibility


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
    """EDGE_CASES 15."""
    make_moment("1969-07-20", title="Canary", visibility=visibility)
    assert "Canary" not in client.get("/@ada/").text
    client.force_login(stranger)
    assert "Canary" not in client.get("/@ada/").text
    client.force_login(owner)
    assert "Canary" in client.get("/@ada/").text


def test_an_address_is_never_shown(client, owner):
    """EDGE_CASES 24: people are found by a chosen name, never by e-mail."""
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
