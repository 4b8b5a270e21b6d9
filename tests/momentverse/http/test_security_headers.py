"""Security headers."""

import pytest
from django.test import Client, override_settings

from momentverse.staticfiles.inline import SCRIPT_SOURCES, STYLES_SOURCE

PATHS = [
    "/t/fine/",
    "/t/missing/",
    "/t/denied/",
    "/t/boom/",
    "/t/away/",
    "/api/t/json/",
    "/api/t/missing/",
    "/health/live/",
    "/admin/login/",
]


@pytest.fixture
def https(settings):
    """Settings as under https."""
    settings.SECURE = True
    settings.SECURE_HSTS_SECONDS = 63072000
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = settings.SECURE_HSTS_PRELOAD = True
    settings.SESSION_COOKIE_NAME = "__Host-session"
    settings.CSRF_COOKIE_NAME = "__Host-csrf"
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True


def parse_policy(response):
    directives = {}
    for directive in response["Content-Security-Policy"].split(";"):
        name, *sources = directive.split()
        directives[name] = sources
    return directives


def test_it_works(visitor):
    response = visitor.get("/t/fine/")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in response["Permissions-Policy"]


@pytest.mark.parametrize("path", PATHS)
def test_every_response_has_them(visitor, path):
    response = visitor.get(path)
    for header in (
        "Content-Security-Policy",
        "Cross-Origin-Resource-Policy",
        "Permissions-Policy",
        "Referrer-Policy",
        "X-Content-Type-Options",
        "X-Frame-Options",
    ):
        assert header in response, header


def test_429_has_them(pages, settings):
    settings.RATE_LIMIT_PER_MINUTE = 1
    client = Client(REMOTE_ADDR="203.0.113.9")
    client.get("/t/fine/")
    response = client.get("/t/fine/")
    assert response.status_code == 429
    assert "Content-Security-Policy" in response
    assert response["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("path", PATHS)
def test_policy_is_strict(visitor, path):
    directives = parse_policy(visitor.get(path))
    assert directives["default-src"] == ["'none'"]
    assert directives["base-uri"] == ["'none'"]
    assert directives["frame-ancestors"] == ["'none'"]
    assert directives["form-action"] == ["'self'"]
    # Inline scripts and styles are allowed by their hashes.
    assert directives["script-src"] == ["'self'", *SCRIPT_SOURCES]
    assert directives["style-src"] == ["'self'", STYLES_SOURCE]
    assert directives["require-trusted-types-for"] == ["'script'"]
    for sources in directives.values():
        assert not [s for s in sources if "unsafe" in s or "*" in s or "http" in s or "nonce" in s]


def test_admin_is_exempt_from_trusted_types_only(visitor, admin_client):
    strict, admin = parse_policy(visitor.get("/t/fine/")), parse_policy(admin_client.get("/admin/"))
    assert strict.pop("require-trusted-types-for") == ["'script'"]
    assert strict == admin


def test_https_sets_hsts(https, visitor):
    response = visitor.get("/t/fine/", secure=True)
    assert response["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains; preload"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"


def test_plain_http_sets_no_hsts(visitor):
    response = visitor.get("/t/fine/")
    assert "Strict-Transport-Security" not in response
    assert "Cross-Origin-Opener-Policy" not in response


@pytest.mark.django_db
def test_cookies_under_https(https, visitor):
    response = visitor.get("/accounts/login/", secure=True)
    cookie = response.cookies["__Host-csrf"]
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Lax")
    assert (cookie["path"], cookie["domain"]) == ("/", "")


@pytest.mark.django_db
def test_message_sets_only_the_session_cookie(https, visitor):
    response = visitor.get("/t/say/", secure=True)
    assert set(response.cookies) == {"__Host-session"}
    cookie = response.cookies["__Host-session"]
    assert (cookie["secure"], cookie["httponly"], cookie["samesite"]) == (True, True, "Lax")


def test_https_is_required_except_for_health_checks(pages):
    with override_settings(
        SECURE_SSL_REDIRECT=True, SECURE_REDIRECT_EXEMPT=[r"^health/"], SECURE=True
    ):
        client = Client()
        assert client.get("/t/fine/").status_code == 301
        assert client.get("/health/live/").status_code == 200


def test_response_does_not_name_the_server(visitor):
    response = visitor.get("/t/fine/")
    assert "Server" not in response
    assert "X-Powered-By" not in response
