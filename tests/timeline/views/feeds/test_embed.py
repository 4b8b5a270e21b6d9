"""The card that other sites embed in a frame."""

from __future__ import annotations

import base64
import hashlib
import re

from django.conf import settings


def get_card(client, moment, **headers):
    return client.get(f"/embed/{moment.public_id}/", headers=headers)


def test_it_works(client, make_moment):
    moment = make_moment(
        "1969-07-20T20:17:40Z", title="The Eagle has landed", place="Sea of Tranquility"
    )
    page = get_card(client, moment).text
    for words in (
        "The Eagle has landed",
        "20 July 1969, 20:17:40 UTC",
        "Sea of Tranquility",
        "Ada",
    ):
        assert words in page
    assert f'href="http://127.0.0.1:8000{moment.get_absolute_url()}"' in page
    assert "<script" not in page


def test_card_may_be_framed_and_may_load_nothing(client, make_moment):
    response = get_card(client, make_moment("1969-07-20"))
    policy = dict(
        directive.strip().split(" ", 1)
        for directive in response["Content-Security-Policy"].split(";")
    )
    assert policy["frame-ancestors"] == "*"
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert not {"script-src", "connect-src", "frame-src", "font-src"} & policy.keys()
    assert "X-Frame-Options" not in response
    (style,) = re.findall(r"<style>(.*?)</style>", response.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy["style-src"] == f"'sha256-{digest}'"
    assert "style=" not in response.text


def test_other_pages_must_not_be_framed(client, make_moment):
    response = client.get(make_moment("1969-07-20").get_absolute_url())
    assert "frame-ancestors 'none'" in response["Content-Security-Policy"]
    assert response["X-Frame-Options"] == "DENY"


def test_cookies_are_neither_read_nor_set(client, make_moment, owner, django_assert_num_queries):
    """Edge case 16: with a session the response is the same, byte for byte, and the session is not read."""
    moment = make_moment("1969-07-20")
    as_nobody = get_card(client, moment)
    client.force_login(owner)
    assert settings.SESSION_COOKIE_NAME in client.cookies
    with django_assert_num_queries(1):
        as_owner = get_card(client, moment)
    assert as_owner.content == as_nobody.content
    assert as_owner["Cache-Control"] == as_nobody["Cache-Control"]
    assert as_nobody["Cache-Control"].startswith("public")
    assert not as_owner.cookies
    assert client.get("/accounts/").status_code == 200  # elsewhere the session lives on


def test_card_is_not_indexed_by_search_engines(client, make_moment):
    assert get_card(client, make_moment("1969-07-20"))["X-Robots-Tag"] == "noindex"


def test_hostile_texts_are_escaped(client, hostile_moment):
    """Edge case 22."""
    page = get_card(client, hostile_moment).text
    assert "<b>" not in page
    assert "&lt;b&gt;&amp;amp; ]]&gt;" in page


def test_unchanged_card_is_304(client, make_moment):
    moment = make_moment("1969-07-20")
    again = get_card(client, moment, **{"If-None-Match": get_card(client, moment)["ETag"]})
    assert again.status_code == 304
    # A browser would replace the headers of its copy by those of the 304.
    for name in ("Content-Security-Policy", "X-Frame-Options", "Cross-Origin-Resource-Policy"):
        assert name not in again
