"""Web cache poisoning and deception: nothing that one visitor sends gets into another visitor's page.

Edge case 16, edge case 29.
Each probe is the first request for a page, with something that is not part of the cache key.
Then a plain request must get the page that is rendered when there was no probe.
"""

import json
import re

import pytest

from tests.support import urls
from tests.support.wsgi_client import WSGIClient, build_cached_site

pytestmark = pytest.mark.embedded

EVIL = "evil.example"
# Headers that frameworks, proxies and caches are known to read, each with a value that is easy to find.
HEADERS = {
    "X-Forwarded-Host": EVIL,
    "X-Host": EVIL,
    "X-Forwarded-Server": EVIL,
    "X-HTTP-Host-Override": EVIL,
    "Forwarded": f"host={EVIL};proto=http",
    "X-Original-Host": EVIL,
    "X-Forwarded-Scheme": "http",
    "X-Forwarded-Proto": "http",
    "X-Forwarded-Protocol": "http",
    "X-Forwarded-Ssl": "off",
    "Front-End-Https": "off",
    "X-Url-Scheme": "http",
    "X-Forwarded-Port": "1234",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded-Path": "/evil",
    "X-Script-Name": "/evil",
    "X-Original-URL": "/t/boom/",
    "X-Rewrite-URL": "/t/boom/",
    "X-Override-URL": "/t/boom/",
    "X-HTTP-Method-Override": "POST",
    "X-HTTP-Method": "DELETE",
    "X-Method-Override": "HEAD",
    "X-Forwarded-For": "203.0.113.66",
    "X-Real-IP": "203.0.113.66",
    "True-Client-IP": "203.0.113.66",
    "Client-IP": "203.0.113.66",
    "CF-Connecting-IP": "203.0.113.66",
    "Via": EVIL,
    "Referer": f"https://{EVIL}/",
    "Origin": f"https://{EVIL}",
    "User-Agent": "<script>evil</script>",
    "Accept": "application/json",
    "Accept-Language": "ar, ur;q=0.5",
    "Accept-Charset": "utf-7",
    "Cookie": "csrf=evil; messages=evil; __Host-csrf=evil",
    "Authorization": "Basic ZXZpbDpldmls",
    "Range": "bytes=0-3",
    "If-Range": '"evil"',
    "If-Match": '"evil"',
    "If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT",
    "If-Modified-Since": "Fri, 31 Dec 9999 00:00:00 GMT",
    "Expect": "evil",
    "Upgrade": "h2c",
    "Transfer-Encoding": "evil",
    "X-Requested-With": "XMLHttpRequest",
    "Purpose": "prefetch",
    "Sec-Fetch-Dest": "iframe",
    "Save-Data": "on",
    "DNT": "1",
    "X-CSRFToken": "evil",
    "X-Request-ID": "evil",
    "Trailer": "evil",
    "Max-Forwards": "0",
    "Cache-Control": "no-store",
}  # fmt: skip
PARAMETERS = [
    "utm_source=evil",
    "evil",
    "evil=1&evil=2",
    "callback=evil",
    "_method=POST",
    "BEFORE=evil",
    "before%00=evil",
    "before[]=evil",
    ";before=evil",
    "utm_content=1;before=evil",
    "x=%0d%0aSet-Cookie:+evil=1",
    "x=<script>evil</script>",
    "x=" + "evil" * 300,
    "%62efor=evil",
    "lang=evil",
    "format=json",
]
PROBES = [
    *(pytest.param({name: value}, "", id=name) for name, value in HEADERS.items()),
    *(pytest.param({}, query, id=query[:30]) for query in PARAMETERS),
]


def wsgi(headers):
    return {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}


def get_page(client):
    """Return the page's text and headers, without the number of renderings and the ETag."""
    response = client.get("/t/cached/")
    return re.sub(r"rendered \d+ times", "", response.text), {
        name: value for name, value in response.page_headers.items() if name != "ETag"
    }


def test_it_works():
    assert len(PROBES) >= 70


@pytest.mark.parametrize(("headers", "query"), PROBES)
def test_probe_does_not_reach_other_visitors(cached_client, headers, query):
    clean = get_page(WSGIClient(build_cached_site()))
    cached_client.application._version = "another version, without entries"
    cached_client.get(f"/t/cached/?{query}", **wsgi(headers))
    assert get_page(cached_client) == clean


CACHED_PROBES = [
    probe
    for probe in PROBES
    # The others are passed to Django unchanged, and its response is not cached.
    if "Transfer-Encoding" not in probe.values[0]
    and "%00" not in probe.values[1]
    and len(probe.values[1]) < 1000
]


@pytest.mark.parametrize(("headers", "query"), CACHED_PROBES)
def test_probe_is_not_seen_by_the_view(cached_client, headers, query):
    """And it does not create an entry of its own: the page is rendered once."""
    cached_client.get(f"/t/cached/?{query}", **wsgi(headers))
    cached_client.get("/t/cached/")
    (request,) = urls.received
    seen = {name: value for name, value in request.META.items() if not name.startswith("wsgi.")}
    assert "evil" not in str(seen).lower()
    assert request.META["QUERY_STRING"] == ""


@pytest.mark.parametrize(
    "query", ["before=a&after=b", "after=b&before=a&x=1", "y&before=a&after=b"]
)
def test_order_of_parameters_does_not_matter(cached_client, query):
    page = cached_client.get("/t/cached/?before=a&after=b")
    assert cached_client.get(f"/t/cached/?{query}").body == page.body


@pytest.mark.parametrize(
    "query", ["before=b", "before=a&before=b", "before=a%26after=b", "before="]
)
def test_another_value_is_another_entry(cached_client, query):
    cached_client.get("/t/cached/?before=a")
    assert "rendered 2 times" in cached_client.get(f"/t/cached/?{query}").text


@pytest.mark.parametrize(
    "path", ["/t/cached/%3Fbefore=a", "/t/cached/\nbefore=a", "/t/cached/ -", "/t/cached/?"]
)
def test_path_is_not_mistaken_for_query(cached_client, path):
    cached_client.get("/t/cached/?before=a")
    environ_path = path.replace("%3F", "?")
    response = cached_client.get("/", PATH_INFO=environ_path)
    assert response.status == 404


@pytest.mark.parametrize(
    "suffix",
    [
        "x.css", "a.js", "x.png", "%2e%2e/x.css", "..%2fx.css", ";x.css", "%3bx.css", "%0ax.css", "%23x.css",
        "%3fx.css", ".css", "//x.css", "\\x.css", "static/x.css", "robots.txt",
    ],
)  # fmt: skip
@pytest.mark.django_db
def test_suffix_does_not_make_personal_page_cacheable(cached_client, suffix):
    """Web cache deception: a link to /accounts/x.css must not put a visitor's account into a cache."""
    for path in ("/accounts/", "/t/who/", "/t/cached/"):
        response = cached_client.get(path + suffix)
        assert response.status in (400, 404), path
        assert response.headers["Cache-Control"] == "private, no-store"


def test_hosts_and_ports_do_not_multiply_entries(cached_client, settings):
    """Django accepts wildcards in ALLOWED_HOSTS, and any port; the page cache does not."""
    settings.ALLOWED_HOSTS = ["testserver", ".wild.example"]
    visitor = WSGIClient(build_cached_site())
    for host in ("a.wild.example", "testserver:81", "testserver:99999", "testserver:x"):
        assert "Age" not in visitor.get("/t/cached/", HTTP_HOST=host).headers
    assert "Age" in visitor.get("/t/cached/", HTTP_HOST="testserver").headers
    assert "Age" in visitor.get("/t/cached/", HTTP_HOST="TESTSERVER:80").headers


@pytest.mark.parametrize("query", ["before=%ff", "before=%ED%A0%80", "before=" + "x" * 2000])
def test_unreadable_query_is_left_to_the_view(cached_client, query):
    assert "Age" not in cached_client.get(f"/t/cached/?{query}").headers


def test_page_without_declared_parameters_is_not_cached_with_query(cached_client):
    cached_client.get("/t/public/?x=1")
    assert urls.received[0].GET["x"] == "1"
    assert "Age" not in cached_client.get("/t/public/?x=1").headers
    assert "Age" in cached_client.get("/t/public/").headers


def test_only_hashed_files_are_immutable(cached_client, settings, tmp_path):
    """A file is not immutable just because its name ends in .css."""
    (tmp_path / "site.css").write_text("p { color: red }")
    (tmp_path / "site.0123456789ab.css").write_text("p { color: red }")
    manifest = {"paths": {"site.css": "site.0123456789ab.css"}, "version": "1.1", "hash": "x"}
    (tmp_path / "staticfiles.json").write_text(json.dumps(manifest))
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
    }
    visitor = WSGIClient(build_cached_site())
    assert "immutable" in visitor.get("/static/site.0123456789ab.css").headers["Cache-Control"]
    assert "immutable" not in visitor.get("/static/site.css").headers["Cache-Control"]
    for path in ("/static/x.css", "/t/cached/x.css", "/timeline/x.css"):
        assert "immutable" not in visitor.get(path).headers["Cache-Control"]
