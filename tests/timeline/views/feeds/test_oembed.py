"""oEmbed, which tells other sites how to embed a moment's card."""

from __future__ import annotations

import re

import pytest

from timeline.core.public_ids import encode_id, random_id
from timeline.models import Moment, Status, Visibility

SITE = "http://127.0.0.1:8000"


def test_it_works(client, make_moment):
    moment = make_moment("1969-07-20", title="The Eagle has landed")
    response = client.get("/oembed", {"url": SITE + moment.get_absolute_url()})
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    data = response.json()
    assert data["version"] == "1.0"
    assert data["type"] == "rich"
    assert data["title"] == "The Eagle has landed"
    assert data["author_name"] == "Ada"
    assert data["author_url"] == f"{SITE}/@ada/"
    assert f'src="{SITE}/embed/{moment.public_id}/"' in data["html"]
    assert client.get(f"/embed/{moment.public_id}/").status_code == 200


def test_page_of_a_moment_links_to_it(client, make_moment):
    moment = make_moment("1969-07-20", title="One & only")
    page = client.get(moment.get_absolute_url()).text
    (link,) = re.findall(
        r'<link rel="alternate" type="application/json\+oembed" href="([^"]+)"', page
    )
    assert client.get(link.replace("&amp;", "&").removeprefix(SITE)).json()["title"] == "One & only"


@pytest.mark.parametrize("visibility", [Visibility.PRIVATE, Visibility.UNLISTED])
def test_hidden_moment_is_404_like_a_nonexistent_one(client, make_moment, owner, visibility):
    """Edge case 15: the response is the same as for a nonexistent moment, for the owner as well."""
    hidden = make_moment("1969-07-20", title="Canary", visibility=visibility)
    missing = client.get("/oembed", {"url": f"{SITE}/moments/{encode_id(random_id())}/"})
    for _ in range(2):
        response = client.get("/oembed", {"url": SITE + hidden.get_absolute_url()})
        assert response.status_code == missing.status_code == 404
        assert response.content == missing.content
        assert client.get(f"/embed/{hidden.public_id}/").status_code == 404
        assert "oembed" not in client.get(hidden.get_absolute_url()).text
        client.force_login(owner)


def test_revoked_moment_is_404(client, make_moment):
    moment = make_moment("1969-07-20", status=Status.REVOKED)
    assert client.get("/oembed", {"url": SITE + moment.get_absolute_url()}).status_code == 404
    assert client.get(f"/embed/{moment.public_id}/").status_code == 404


def test_short_url_and_query_and_fragment_are_accepted(client, make_moment):
    moment = make_moment("1969-07-20")
    for tail in ("", "another-slug/", "?x=1", "x/?utm=2#there"):
        url = f"{SITE}/moments/{moment.public_id}/{tail}"
        assert client.get("/oembed", {"url": url}).status_code == 200


def test_card_fits_the_requested_size(client, make_moment):
    url = SITE + make_moment("1969-07-20").get_absolute_url()
    data = client.get("/oembed", {"url": url, "maxwidth": "300", "maxheight": "9000"}).json()
    assert (data["width"], data["height"]) == (300, 240)
    assert 'width="300"' in data["html"]


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1e3", "٣", "9" * 40])
def test_invalid_limit_is_400(client, make_moment, limit):
    url = SITE + make_moment("1969-07-20").get_absolute_url()
    assert client.get("/oembed", {"url": url, "maxwidth": limit}).status_code == 400


def test_other_urls_are_404(client, make_moment):
    moment = make_moment("1969-07-20")
    paths = [
        "", "/", "/timeline/", f"/moments/{moment.public_id}", "/moments/zzzzzzzzzzz/",
        f"/moments/{moment.public_id}/a/b/", f"/moments/{moment.public_id}/picture/x",
    ]  # fmt: skip
    urls = [SITE + path for path in paths]
    urls += [
        f"https://evil.example{moment.get_absolute_url()}",
        f"{SITE}.evil.example/moments/{moment.public_id}/",
        moment.get_absolute_url() + "x" * 3000, "javascript:alert(1)",
    ]  # fmt: skip
    for url in urls:
        assert client.get("/oembed", {"url": url}).status_code == 404, url
    assert client.get("/oembed").status_code == 404


def test_xml_is_not_supported(client, make_moment):
    url = SITE + make_moment("1969-07-20").get_absolute_url()
    assert client.get("/oembed", {"url": url, "format": "xml"}).status_code == 501


def test_hostile_texts_are_escaped(client, hostile_moment):
    """Edge case 22: a title cannot end an attribute of the frame."""
    Moment.objects.filter(pk=hostile_moment.pk).update(title='"><script>alert(1)</script>')
    html = client.get("/oembed", {"url": f"{SITE}/moments/{hostile_moment.public_id}/"}).json()[
        "html"
    ]
    assert "<script" not in html
    assert 'title="&quot;&gt;&lt;script' in html


def test_unchanged_response_is_304(client, make_moment):
    query = {"url": SITE + make_moment("1969-07-20").get_absolute_url()}
    first = client.get("/oembed", query)
    again = client.get("/oembed", query, headers={"If-None-Match": first["ETag"]})
    assert again.status_code == 304
