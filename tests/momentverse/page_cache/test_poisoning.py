"""Web cache poisoning and deception: what one visitor sends is in nobody else's page.

Edge case 16, edge case 29.
Each probe asks for a page first, before anybody has it, with something that is
not part of the page's key. Then somebody asks plainly. Their page must be the
one that is made when nobody has probed.
"""

import json
import re

import pytest

from tests.support import urls
from tests.support.page_cache_front import Visitor, build_cached_site

pytestmark = pytest.mark.embedded

EVIL = "evil.example"
# Headers that frameworks, proxies and caches are known to read, each with a value that would be seen.
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


def page_alone(front):
    """Return the page as it is when nobody has probed: its body and headers, without the count of makings."""
    answer = front.get("/t/kept/")
    return re.sub(r"made \d+ times", "", answer.text), {
        name: value for name, value in answer.of_the_page.items() if name != "ETag"
    }


def test_it_works():
    assert len(PROBES) >= 70


@pytest.mark.parametrize(("headers", "query"), PROBES)
def test_a_probe_is_in_nobody_elses_page(front, headers, query):
    clean = page_alone(Visitor(build_cached_site()))
    front.application._release = "another, with nothing kept yet"
    front.get(f"/t/kept/?{query}", **wsgi(headers))
    assert page_alone(front) == clean


KEPT_ALL_THE_SAME = [
    probe
    for probe in PROBES
    # These two are passed on to Django as they are, and nothing is kept of its answer.
    if "Transfer-Encoding" not in probe.values[0]
    and "%00" not in probe.values[1]
    and len(probe.values[1]) < 1000
]


@pytest.mark.parametrize(("headers", "query"), KEPT_ALL_THE_SAME)
def test_a_probe_is_not_seen_by_what_makes_the_page(front, headers, query):
    """Nor does it make a page of its own: there is one, made once."""
    front.get(f"/t/kept/?{query}", **wsgi(headers))
    front.get("/t/kept/")
    (request,) = urls.seen
    seen = {name: value for name, value in request.META.items() if not name.startswith("wsgi.")}
    assert "evil" not in str(seen).lower()
    assert request.META["QUERY_STRING"] == ""


@pytest.mark.parametrize(
    "query", ["before=a&after=b", "after=b&before=a&x=1", "y&before=a&after=b"]
)
def test_the_order_of_parameters_makes_no_other_page(front, query):
    page = front.get("/t/kept/?before=a&after=b")
    assert front.get(f"/t/kept/?{query}").body == page.body


@pytest.mark.parametrize(
    "query", ["before=b", "before=a&before=b", "before=a%26after=b", "before="]
)
def test_another_value_is_another_page(front, query):
    front.get("/t/kept/?before=a")
    assert "made 2 times" in front.get(f"/t/kept/?{query}").text


@pytest.mark.parametrize(
    "path", ["/t/kept/%3Fbefore=a", "/t/kept/\nbefore=a", "/t/kept/ -", "/t/kept/?"]
)
def test_a_path_cannot_pass_for_a_query(front, path):
    front.get("/t/kept/?before=a")
    environ_path = path.replace("%3F", "?")
    answer = front.get("/", PATH_INFO=environ_path)
    assert answer.status == 404


@pytest.mark.parametrize(
    "suffix",
    [
        "x.css", "a.js", "x.png", "%2e%2e/x.css", "..%2fx.css", ";x.css", "%3bx.css", "%0ax.css", "%23x.css",
        "%3fx.css", ".css", "//x.css", "\\x.css", "static/x.css", "robots.txt",
    ],
)  # fmt: skip
@pytest.mark.django_db
def test_a_suffix_makes_no_page_of_ones_own_public(front, suffix):
    """Deception: a link to /accounts/x.css must not leave somebody's account in a cache."""
    for path in ("/accounts/", "/t/who/", "/t/kept/"):
        answer = front.get(path + suffix)
        assert answer.status in (400, 404), path
        assert answer.headers["Cache-Control"] == "private, no-store"


def test_pages_are_not_multiplied_by_hosts_and_ports(front, settings):
    """Wild cards in ALLOWED_HOSTS, and any port, are right for Django; pages are not kept for each."""
    settings.ALLOWED_HOSTS = ["testserver", ".wild.example"]
    visitor = Visitor(build_cached_site())
    for host in ("a.wild.example", "testserver:81", "testserver:99999", "testserver:x"):
        assert "Age" not in visitor.get("/t/kept/", HTTP_HOST=host).headers
    assert "Age" in visitor.get("/t/kept/", HTTP_HOST="testserver").headers
    assert "Age" in visitor.get("/t/kept/", HTTP_HOST="TESTSERVER:80").headers


@pytest.mark.parametrize("query", ["before=%ff", "before=%ED%A0%80", "before=" + "x" * 2000])
def test_what_cannot_be_read_is_left_to_the_view(front, query):
    assert "Age" not in front.get(f"/t/kept/?{query}").headers


def test_a_page_that_does_not_say_what_it_reads_is_not_kept_with_a_query(front):
    front.get("/t/public/?x=1")
    assert urls.seen[0].GET["x"] == "1"
    assert "Age" not in front.get("/t/public/?x=1").headers
    assert "Age" in front.get("/t/public/").headers


def test_only_hashed_files_are_immutable(front, settings, tmp_path):
    """Never “anything that ends in .css”."""
    (tmp_path / "site.css").write_text("p { color: red }")
    (tmp_path / "site.0123456789ab.css").write_text("p { color: red }")
    manifest = {"paths": {"site.css": "site.0123456789ab.css"}, "version": "1.1", "hash": "x"}
    (tmp_path / "staticfiles.json").write_text(json.dumps(manifest))
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}
    }
    visitor = Visitor(build_cached_site())
    assert "immutable" in visitor.get("/static/site.0123456789ab.css").headers["Cache-Control"]
    assert "immutable" not in visitor.get("/static/site.css").headers["Cache-Control"]
    for path in ("/static/x.css", "/t/kept/x.css", "/timeline/x.css"):
        assert "immutable" not in visitor.get(path).headers["Cache-Control"]
