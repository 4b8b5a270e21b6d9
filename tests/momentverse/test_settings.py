"""The settings: all have defaults, and the error for an invalid value names the variable."""

import runpy
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.exceptions import ImproperlyConfigured

from momentverse.settings import get_or_create_secret_key
from tests.support.servers import ROOT

PRODUCTION = {
    "MOMENTVERSE_MODE": "production",
    "SECRET_KEY": "k" * 50,
    "DATABASE_URL": "postgresql://momentverse@db.example/momentverse",
    "REDIS_URL": "redis://cache.example:6379/0",
    "ALLOWED_HOSTS": "momentverse.example",
    "EMAIL_URL": "submission://mail:secret@mail.example:587",
    "SITE_URL": "https://momentverse.example",
    "TRUSTED_PROXIES": "1",
}
NAMES = [*PRODUCTION, "DATA_DIR", "LOG_LEVEL", "RATE_LIMIT_PER_MINUTE", "SLOW_QUERY_MS"]
NAMES += ["TRUSTED_PROXIES", "PAYMENT_PROVIDER", "PRICE_MOMENT", "PRICE_FURTHER_HOUR", "CURRENCY"]
NAMES += ["PRICE_NOT_PUBLIC", "HOLD_SECONDS", "HOLD_EXTENSIONS", "STRIPE_API_URL"]
NAMES += ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"]


@pytest.fixture
def read(monkeypatch, tmp_path):
    """Return a function that runs ``settings.py`` in the given environment, and returns its names."""

    def read(**environment):
        for name in NAMES:
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(f"{name}_FILE", raising=False)
        for name, value in ({"DATA_DIR": str(tmp_path / "data")} | environment).items():
            monkeypatch.setenv(name, value)
        return runpy.run_path(str(ROOT / "momentverse" / "settings.py"))

    return read


def test_it_works(read, tmp_path):
    settings = read()
    assert settings["DEBUG"] is False
    assert settings["DATABASES"]["default"]["ENGINE"] == "django.db.backends.sqlite3"
    assert settings["DATABASES"]["default"]["NAME"] == str(tmp_path / "data/momentverse.sqlite3")
    assert settings["CACHES"]["default"]["BACKEND"].endswith("LocMemCache")
    assert settings["ALLOWED_HOSTS"] == ["127.0.0.1", "127.0.0.1", "localhost", "[::1]"]


def test_data_folder_is_private(read, tmp_path):
    read()
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_debug_is_on_in_development_only(read):
    settings = read(MOMENTVERSE_MODE="development")
    assert settings["DEBUG"] is True
    assert "debug_toolbar" in settings["INSTALLED_APPS"]
    assert "debug_toolbar" not in read(**PRODUCTION)["INSTALLED_APPS"]


def test_production_settings(read):
    settings = read(**PRODUCTION)
    assert settings["DATABASES"]["default"]["ENGINE"] == "django.db.backends.postgresql"
    assert settings["CACHES"]["default"]["LOCATION"] == PRODUCTION["REDIS_URL"]
    assert settings["ALLOWED_HOSTS"] == ["momentverse.example"]
    assert settings["SECURE_HSTS_SECONDS"] == 2 * 365 * 24 * 3600


@pytest.mark.parametrize(
    "name", ["SECRET_KEY", "DATABASE_URL", "REDIS_URL", "ALLOWED_HOSTS", "EMAIL_URL"]
)
@pytest.mark.parametrize("value", [None, "", "  "])
def test_production_requires(read, name, value):
    environment = {key: text for key, text in PRODUCTION.items() if key != name}
    if value is not None:
        environment[name] = value
    with pytest.raises(ImproperlyConfigured, match=f"^Production needs {name}: set it"):
        read(**environment)


def test_production_names_all_missing_variables(read):
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY, DATABASE_URL, REDIS_URL, ALLOWED"):
        read(MOMENTVERSE_MODE="production")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "short"),
        ("ALLOWED_HOSTS", "momentverse.example, *"),
        ("DATABASE_URL", "sqlite:///somewhere.sqlite3"),
    ],
)
def test_production_rejects(read, name, value):
    with pytest.raises(ImproperlyConfigured, match=name):
        read(**PRODUCTION | {name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MOMENTVERSE_MODE", "productoin"),
        ("SITE_URL", "momentverse.example"),
        ("SITE_URL", "ftp://momentverse.example"),
        ("SITE_URL", "https://momentverse.example/path"),
        ("SITE_URL", "https://momentverse.example?query"),
        ("SITE_URL", "https://user@momentverse.example"),
        ("SITE_URL", "https://momentverse.example:port"),
        ("SITE_URL", "https://[::1"),
        ("SITE_URL", ""),
        ("TRUSTED_PROXIES", "-1"),
        ("TRUSTED_PROXIES", "two"),
        ("RATE_LIMIT_PER_MINUTE", "0"),
        ("RATE_LIMIT_PER_MINUTE", "many"),
        ("SLOW_QUERY_MS", "-5"),
        ("LOG_LEVEL", "LOUD"),
        ("EMAIL_URL", "pigeon://mail.example"),
        ("REDIS_URL", "http://cache.example"),
        ("REDIS_URL", "cache.example:6379"),
        ("DATABASE_URL", "nonsense"),
        ("DATABASE_URL", "mysql://db.example/momentverse"),
    ],
)
def test_invalid_value_is_rejected(read, name, value):
    with pytest.raises(ImproperlyConfigured, match=name):
        read(**{name: value})


def test_data_folder_that_cannot_be_created_is_rejected(read, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ImproperlyConfigured, match="DATA_DIR"):
        read(DATA_DIR=str(tmp_path / "file" / "data"))


def test_hosts_may_be_separated_by_spaces_too(read):
    assert read(ALLOWED_HOSTS="a.example, b.example,")["ALLOWED_HOSTS"] == [
        "a.example",
        "b.example",
    ]


def test_value_may_be_in_a_file(read, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("s" * 50 + "\n")
    assert read(SECRET_KEY_FILE=str(secret))["SECRET_KEY"] == "s" * 50


def test_unreadable_file_is_rejected(read, tmp_path):
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY_FILE"):
        read(SECRET_KEY_FILE=str(tmp_path / "nothing"))


def test_error_does_not_contain_password(read):
    with pytest.raises(ImproperlyConfigured) as refusal:
        read(REDIS_URL="http://user:hunter2@cache.example")
    assert "hunter2" not in str(refusal.value)


def test_secret_key_is_created_once_and_private(read, tmp_path):
    first = read()["SECRET_KEY"]
    assert len(first) >= 50
    assert read()["SECRET_KEY"] == first
    assert stat.S_IMODE((tmp_path / "data" / "secret_key").stat().st_mode) == 0o600


def test_concurrent_starts_share_one_secret_key(tmp_path):
    for number in range(20):
        path = tmp_path / f"secret-{number}"
        with ThreadPoolExecutor(8) as pool:
            secrets = set(pool.map(get_or_create_secret_key, [path] * 8))
        assert len(secrets) == 1
        assert secrets.pop()
    assert list(tmp_path.glob(".secret*")) == []


def test_empty_secret_key_is_rejected(read, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "secret_key").touch()
    with pytest.raises(ImproperlyConfigured, match="secret_key is empty"):
        read()


def test_cookies_are_bound_to_the_host_under_https(read):
    settings = read(**PRODUCTION)
    assert settings["SESSION_COOKIE_NAME"] == "__Host-session"
    assert settings["CSRF_COOKIE_NAME"] == "__Host-csrf"
    for cookie in ("SESSION_COOKIE", "CSRF_COOKIE"):
        assert settings[f"{cookie}_SECURE"] is True
        assert settings[f"{cookie}_HTTPONLY"] is True
        assert settings[f"{cookie}_SAMESITE"] == "Lax"
        assert settings.get(f"{cookie}_DOMAIN") is None
        assert settings.get(f"{cookie}_PATH", "/") == "/"


def test_forwarded_https_is_trusted_behind_proxy_only(read):
    assert "SECURE_PROXY_SSL_HEADER" not in read()
    assert "SECURE_PROXY_SSL_HEADER" in read(**PRODUCTION)


def test_https_without_proxy_is_rejected(read):
    """gunicorn serves plain http, so every page would redirect to itself."""
    with pytest.raises(ImproperlyConfigured, match="TRUSTED_PROXIES"):
        read(**PRODUCTION | {"TRUSTED_PROXIES": "0"})


@pytest.mark.parametrize("url", ["file:/tmp/mail", "file:///tmp/mail"])
def test_mail_folder_is_taken_from_url(read, url):
    assert read(EMAIL_URL=url)["EMAIL_FILE_PATH"] == "/tmp/mail"


STRIPE = {
    "PAYMENT_PROVIDER": "stripe",
    "STRIPE_SECRET_KEY": "sk_x",
    "STRIPE_WEBHOOK_SECRET": "whsec_x",
}


def test_default_payment_provider_is_sandbox(read):
    settings = read()
    assert settings["PAYMENT_PROVIDER"] == "sandbox"
    assert settings["PRICE_MOMENT"] > 0
    assert settings["TASKS"]["default"]["BACKEND"].endswith("ImmediateBackend")


def test_production_defaults_to_free_moments_and_a_queue(read):
    settings = read(**PRODUCTION)
    assert settings["PAYMENT_PROVIDER"] == "none"
    assert (settings["PRICE_MOMENT"], settings["PRICE_FURTHER_HOUR"]) == (0, 0)
    assert settings["TASKS"]["default"]["BACKEND"].endswith("DatabaseBackend")


def test_production_rejects_sandbox(read):
    with pytest.raises(ImproperlyConfigured, match="no real money"):
        read(**PRODUCTION, PAYMENT_PROVIDER="sandbox")


@pytest.mark.parametrize("missing", ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET"])
def test_stripe_requires_its_secrets(read, missing):
    with pytest.raises(ImproperlyConfigured, match=missing):
        read(**PRODUCTION, **{name: value for name, value in STRIPE.items() if name != missing})


def test_prices_require_a_provider(read):
    with pytest.raises(ImproperlyConfigured, match="name who takes the money"):
        read(**PRODUCTION, PRICE_MOMENT="500")
    assert read(**PRODUCTION, **STRIPE, PRICE_MOMENT="500")["PRICE_MOMENT"] == 500


def test_policy_allows_form_redirect_to_stripe_only_with_stripe(read):
    def form_action(settings):
        return settings["CONTENT_SECURITY_POLICY"]["DIRECTIVES"]["form-action"]

    assert len(form_action(read())) == 1
    assert "https://checkout.stripe.com" in form_action(read(**PRODUCTION, **STRIPE))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PRICE_MOMENT", "-1"), ("PRICE_MOMENT", "4.99"), ("CURRENCY", "euro"), ("HOLD_SECONDS", "5"),
        ("HOLD_EXTENSIONS", "-1"), ("PAYMENT_PROVIDER", "cash"),
    ],
)  # fmt: skip
def test_invalid_payment_setting_is_rejected(read, name, value):
    with pytest.raises(ImproperlyConfigured, match=name):
        read(**{name: value})
