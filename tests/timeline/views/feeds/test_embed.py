"""The card that other sites put into a frame."""

from __future__ import annotations

import base64
import hashlib
import re

from django.conf import settings


def card(client, moment, **headers):
    return client.get(f"/embed/{moment.public_id}/", headers=headers)


def test_it_works(client, make_moment):
    moment = make_moment(
        "1969-07-20T20:17:40Z", title="The Eagle has landed", place="Sea of Tranquility"
    )
    page = card(client, moment).text
    for words in (
        "The Eagle has landed",
        "20 July 1969, 20:17:40 UTC",
        "Sea of Tranquility",
        "Ada",
    ):
        assert words in page
    assert f'href="http://127.0.0.1:8000{moment.get_absolute_url()}"' in page
    assert "<script" not in page


def test_anybody_may_frame_it_and_it_may_do_nothing(client, make_moment):
    response = card(client, make_moment("1969-07-20"))
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


def test_other_pages_may_not_be_framed(client, make_moment):
    response = client.get(make_moment("1969-07-20").get_absolute_url())
    assert "frame-ancestors 'none'" in response["Content-Security-Policy"]
    assert response["X-Frame-Options"] == "DENY"


def test_no_cookie_is_read_or_set(client, make_moment, owner, django_assert_num_queries):
    """Edge case 16: with a session the answer is the same, byte for byte, and costs no look-up."""
    moment = make_moment("1969-07-20")
    as_nobody = card(client, moment)
    client.force_login(owner)
    assert settings.SESSION_COOKIE_NAME in client.cookies
    with django_assert_num_queries(1):
        as_owner = card(client, moment)
    assert as_owner.content == as_nobody.content
    assert as_owner["Cache-Control"] == as_nobody["Cache-Control"]
    assert as_nobody["Cache-Control"].startswith("public")
    assert not as_owner.cookies
    assert client.get("/accounts/").status_code == 200  # elsewhere the session lives on


def test_search_engines_find_the_moment_and_not_its_card(client, make_moment):
    assert card(client, make_moment("1969-07-20"))["X-Robots-Tag"] == "noindex"


def test_hostile_words_stay_words(client, hostile):
    """Edge case 22."""
    page = card(client, hostile).text
    assert "<b>" not in page
    assert "&lt;b&gt;&amp;amp; ]]&gt;" in page


def test_an_unchanged_card_is_304(client, make_moment):
    moment = make_moment("1969-07-20")
    again = card(client, moment, **{"If-None-Match": card(client, moment)["ETag"]})
    assert again.status_code == 304
    # A browser would put a 304's headers in the place of those that it has.
    for name in ("Content-Security-Policy", "X-Frame-Options", "Cross-Origin-Resource-Policy"):
        assert name not in again
