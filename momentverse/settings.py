"""All settings. Those that come from the environment are typed, and explained where they are read.

Without any environment variable this is the embedded default: SQLite, a cache in the process,
DEBUG off. An invalid value, or production without its secrets, stops the start with a sentence
that names the variable.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import dj_email_url
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from environs import EnvError, FileAwareEnv, validate

from momentverse.db.url import POOL_SIZE, database_from_url, replica_from_url
from momentverse.server.capacity import count_usable_cores
from momentverse.staticfiles.inline import SCRIPT_SOURCES, STYLES_SOURCE
from momentverse.staticfiles.storage import cache_for_a_year

BASE_DIR = Path(__file__).resolve().parent.parent

# `X_FILE` may name a file with the value of `X`, for secrets that are mounted and not exported.
env = FileAwareEnv(strip_whitespace=True)
Value = TypeVar("Value")


def setting(read: Callable[..., Any], name: str, default: Value, **options: Any) -> Value:
    """Read a variable of the same type as its default. Raises ImproperlyConfigured, with a sentence."""
    try:
        value: Value = read(name, default, **options)
    except (EnvError, ValueError, OSError) as error:
        raise ImproperlyConfigured(f"{name} cannot be used: {error}") from error
    return cast(Value, value.strip()) if isinstance(value, str) else value


def parse_origin_host(origin: str) -> str:
    """Return the host name of an origin such as ``https://momentverse.example``.

    Raises ImproperlyConfigured for anything but a scheme, a host and an optional port.
    """
    try:
        parts = urlsplit(origin)
        well_formed = parts.scheme in ("http", "https") and parts.port != 0
    except ValueError:
        well_formed = False
    if (
        not well_formed
        or not parts.hostname
        or origin != f"{parts.scheme}://{parts.netloc}"
        or "@" in origin
    ):
        raise ImproperlyConfigured(
            f"SITE_URL is {origin!r}; it takes an origin such as https://momentverse.example"
        )
    return parts.hostname


# The mode: `embedded` (the default), `development` (DEBUG and the debug toolbar) or `production`.
MODE = setting(
    env.str,
    "MOMENTVERSE_MODE",
    "embedded",
    validate=validate.OneOf(["embedded", "development", "production"]),
)
PRODUCTION = MODE == "production"
DEBUG = MODE == "development"

# The folder for the embedded database and secret key, the pictures and the collected static files.
DATA_DIR = setting(env.path, "DATA_DIR", BASE_DIR / ".data")
try:
    DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
except OSError as error:
    raise ImproperlyConfigured(
        f"DATA_DIR is {str(DATA_DIR)!r}, which is no folder: {error}"
    ) from error

# The site's public origin. Absolute links are built from it, never from a Host header.
SITE_URL = setting(env.str, "SITE_URL", "http://127.0.0.1:8000").rstrip("/").lower()
SITE_HOST = parse_origin_host(SITE_URL)
SECURE = SITE_URL.startswith("https://")

# The host names that the site answers to. Required in production; otherwise the host of SITE_URL and the
# loopback names.
ALLOWED_HOSTS: list[str] = [
    host.strip() for host in setting(env.list, "ALLOWED_HOSTS", list[str]()) if host.strip()
]

# PostgreSQL in production; without it an SQLite file in DATA_DIR. `momentverse/db/url.py` documents its
# query parameters.
DATABASE_URL = setting(env.str, "DATABASE_URL", "")

# A streaming replica of it that visitors' pages may read from; `momentverse/db/replica.py` explains when.
DATABASE_REPLICA_URL = setting(env.str, "DATABASE_REPLICA_URL", "")

# Redis (or Valkey) for the cache and the limits; without it both are in the process.
REDIS_URL = setting(env.str, "REDIS_URL", "")

# A separate Redis for the limits, so that a flood of clients, each with a counter, cannot evict cached
# pages. By default it is the same one: then one round trip counts a request and fetches its page.
LIMITS_REDIS_URL = setting(env.str, "LIMITS_REDIS_URL", REDIS_URL)

# The mail server: submission://user:password@host:587 in production. Without it mails are printed.
EMAIL_URL = setting(env.str, "EMAIL_URL", "")

# The sender of all mails.
DEFAULT_FROM_EMAIL = setting(env.str, "DEFAULT_FROM_EMAIL", f"MomentVerse <hello@{SITE_HOST}>")

# The address that gunicorn listens on.
BIND = setting(env.str, "BIND", "127.0.0.1:8000")

# The number of gunicorn's processes: one per core in production, otherwise one, because the cache is in
# the process. `momentverse/server/capacity.py` explains these numbers.
WEB_PROCESSES = setting(
    env.int,
    "WEB_PROCESSES",
    count_usable_cores() if PRODUCTION else 1,
    validate=validate.Range(min=1),
)

# How many requests each process handles at once.
WEB_THREADS = setting(env.int, "WEB_THREADS", 8, validate=validate.Range(min=1))

# How many reverse proxies of ours are in front. That many entries of X-Forwarded-For are trusted.
TRUSTED_PROXIES = setting(env.int, "TRUSTED_PROXIES", 0, validate=validate.Range(min=0, max=8))

# How many requests a user, or a network for visitors who are not logged in, may make per minute.
RATE_LIMIT_PER_MINUTE = setting(
    env.int, "RATE_LIMIT_PER_MINUTE", 200, validate=validate.Range(min=1)
)

# The payment provider: `sandbox` (our own simulation of one; never in production), `stripe` or `none`.
# Production defaults to `none`: moments are free until you set prices and a provider.
PAYMENT_PROVIDER = setting(
    env.str,
    "PAYMENT_PROVIDER",
    "none" if PRODUCTION else "sandbox",
    validate=validate.OneOf(["none", "sandbox", "stripe"]),
)

# The price of a moment, in minor units of the currency (cents): for its first hour, for each further hour
# or part of one, and for keeping it off the public timeline. 0 means that this part is free.
PRICE_MOMENT = setting(
    env.int, "PRICE_MOMENT", 0 if PRODUCTION else 500, validate=validate.Range(min=0)
)
PRICE_FURTHER_HOUR = setting(
    env.int, "PRICE_FURTHER_HOUR", 0 if PRODUCTION else 50, validate=validate.Range(min=0)
)
PRICE_NOT_PUBLIC = setting(env.int, "PRICE_NOT_PUBLIC", 0, validate=validate.Range(min=0))

# The ISO 4217 code of the currency of all prices.
CURRENCY = setting(env.str, "CURRENCY", "eur", validate=validate.Regexp(r"^[A-Za-z]{3}$")).lower()

# For how many seconds a chosen span is held for a user, and how often they may extend the hold.
HOLD_SECONDS = setting(env.int, "HOLD_SECONDS", 600, validate=validate.Range(min=60, max=3600))
HOLD_EXTENSIONS = setting(env.int, "HOLD_EXTENSIONS", 3, validate=validate.Range(min=0, max=20))

# Stripe's secret key, and the secret that signs the events which Stripe sends to /payments/stripe/.
STRIPE_SECRET_KEY = setting(env.str, "STRIPE_SECRET_KEY", "")
STRIPE_WEBHOOK_SECRET = setting(env.str, "STRIPE_WEBHOOK_SECRET", "")

# The URL of Stripe's API, for a test double. Empty means Stripe's own.
STRIPE_API_URL = setting(env.str, "STRIPE_API_URL", "")

# Where to report a vulnerability: a mailto: or https: address.
SECURITY_CONTACT = setting(env.str, "SECURITY_CONTACT", f"mailto:security@{SITE_HOST}")

# The bucket of an S3-compatible service that stores the pictures, and the service's URL if it is not
# Amazon's. Without a bucket, pictures are in DATA_DIR. The keys are read from AWS_ACCESS_KEY_ID and
# AWS_SECRET_ACCESS_KEY. The bucket must be private: we serve each picture only to those who may see it.
PICTURES_BUCKET = setting(env.str, "PICTURES_BUCKET", "")
PICTURES_S3_URL = setting(env.str, "PICTURES_S3_URL", "")

# A database query that takes longer than this many milliseconds is logged as a warning.
SLOW_QUERY_MS = setting(env.int, "SLOW_QUERY_MS", 1000, validate=validate.Range(min=0))

# The level of the least severe messages that are logged.
LOG_LEVEL = setting(
    env.str,
    "LOG_LEVEL",
    "INFO",
    validate=validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]),
)


def get_or_create_secret_key(path: Path) -> str:
    """Return the secret key in the file at ``path``; the first start creates it, for the owner only.

    The file is linked into place after it has been written. So if several processes start
    together, all of them read the same key, and none of them an empty file.
    """
    if not path.exists():
        draft = path.with_name(f".secret-{secrets.token_hex(8)}")
        draft.touch(mode=0o600, exist_ok=False)
        draft.write_text(secrets.token_urlsafe(50))
        with suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    secret = path.read_text().strip()
    if not secret:
        raise ImproperlyConfigured(f"{path} is empty: remove it, and a new secret is made.")
    return secret


# Signs sessions and tokens. Required in production; otherwise created in DATA_DIR.
SECRET_KEY = setting(env.str, "SECRET_KEY", "")

if PRODUCTION:
    _missing = [
        name
        for name, value in {
            "SECRET_KEY": SECRET_KEY,
            "DATABASE_URL": DATABASE_URL,
            "REDIS_URL": REDIS_URL,
            "ALLOWED_HOSTS": ALLOWED_HOSTS,
            "EMAIL_URL": EMAIL_URL,
        }.items()
        if not value
    ]
    if _missing:
        raise ImproperlyConfigured(
            f"Production needs {', '.join(_missing)}: set it in the environment, "
            f"or in a file that {_missing[0]}_FILE names."
        )
    if len(SECRET_KEY) < 40:
        raise ImproperlyConfigured(
            "SECRET_KEY is too short: production takes 40 characters or more."
        )
    if SECURE and not TRUSTED_PROXIES:
        raise ImproperlyConfigured(
            "SITE_URL is https, which a proxy in front must serve: set TRUSTED_PROXIES to their"
            " number, or every page would redirect to itself."
        )
    if "*" in ALLOWED_HOSTS:
        raise ImproperlyConfigured("ALLOWED_HOSTS is '*': production answers to host names only.")
    if not DATABASE_URL.startswith(("postgres://", "postgresql://")):
        raise ImproperlyConfigured(
            "Production needs PostgreSQL: DATABASE_URL must begin with postgresql://"
        )
    if PAYMENT_PROVIDER == "sandbox":
        raise ImproperlyConfigured(
            "PAYMENT_PROVIDER is 'sandbox', which takes no real money: production takes stripe or none."
        )
else:
    SECRET_KEY = SECRET_KEY or get_or_create_secret_key(DATA_DIR / "secret_key")
    ALLOWED_HOSTS = ALLOWED_HOSTS or [SITE_HOST, "127.0.0.1", "localhost", "[::1]"]

if PAYMENT_PROVIDER == "stripe" and not (STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET):
    raise ImproperlyConfigured(
        "PAYMENT_PROVIDER is 'stripe', which needs STRIPE_SECRET_KEY and STRIPE_WEBHOOK_SECRET."
    )
if PAYMENT_PROVIDER == "none" and (PRICE_MOMENT or PRICE_FURTHER_HOUR or PRICE_NOT_PUBLIC):
    raise ImproperlyConfigured(
        "There are prices, and PAYMENT_PROVIDER is 'none': name who takes the money, or set no price."
    )

# A thread uses at most one connection.
DATABASES = {"default": database_from_url(DATABASE_URL, DATA_DIR, max(POOL_SIZE, WEB_THREADS))}
if DATABASE_REPLICA_URL:
    DATABASES["replica"] = replica_from_url(DATABASE_REPLICA_URL, DATABASES["default"])
    DATABASE_ROUTERS = ["momentverse.db.replica.ReplicaRouter"]

for _name, _url in {"REDIS_URL": REDIS_URL, "LIMITS_REDIS_URL": LIMITS_REDIS_URL}.items():
    if _url and not _url.startswith(("redis://", "rediss://", "unix://")):
        raise ImproperlyConfigured(
            f"{_name} cannot be used: it begins with redis://, rediss:// or unix://"
        )
# No visitor waits longer than this for a cache that hangs; then the page is rendered without it.
REDIS_TIMEOUT_SECONDS = 0.2


def build_cache(location: str, name: str, *, ignore_exceptions: bool) -> dict[str, Any]:
    """Return an entry of ``CACHES``: in the Redis at ``location``, or in the process without one."""
    if not location:
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": name}
    return {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": location,
        "KEY_PREFIX": name,
        "OPTIONS": {
            "SOCKET_TIMEOUT": REDIS_TIMEOUT_SECONDS,
            "SOCKET_CONNECT_TIMEOUT": REDIS_TIMEOUT_SECONDS,
            "IGNORE_EXCEPTIONS": ignore_exceptions,
        },
    }


CACHES: dict[str, dict[str, Any]] = {
    # The site works without it, only slower, so a failure counts as a miss.
    "default": build_cache(REDIS_URL, "momentverse", ignore_exceptions=True),
    # Counts log-in attempts. A failure raises, so that counting in the process can take over.
    "throttle": build_cache(LIMITS_REDIS_URL, "momentverse-throttle", ignore_exceptions=False),
}
RATELIMIT_USE_CACHE = "throttle"
if not LIMITS_REDIS_URL:
    # With the default of 300 entries, a flood could evict the very counter that limits it.
    CACHES["throttle"]["OPTIONS"] = {"MAX_ENTRIES": 50_000}

INSTALLED_APPS = [
    "momentverse.admin.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django_tasks",
    "django_tasks_db",
    "momentverse",
    "accounts",
    "timeline",
]

MIDDLEWARE = [
    "momentverse.http.middleware.RequestLogMiddleware",
    "momentverse.http.middleware.HeadMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "momentverse.http.middleware.SecurityHeadersMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "momentverse.page_cache.NoStoreByDefaultMiddleware",
    "momentverse.http.middleware.ErrorPagesMiddleware",
    "momentverse.db.replica.ReplicaMiddleware",
    "momentverse.http.middleware.UnreadableTextMiddleware",
    "momentverse.http.middleware.CookielessMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "momentverse.ratelimit.middleware.RateLimitMiddleware",
    "accounts.throttling.middleware.ThrottleMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
if DEBUG:
    INSTALLED_APPS.append("debug_toolbar")
    # Inside GZipMiddleware, because the toolbar inserts itself into uncompressed pages.
    MIDDLEWARE.insert(
        MIDDLEWARE.index("django.middleware.gzip.GZipMiddleware") + 1,
        "debug_toolbar.middleware.DebugToolbarMiddleware",
    )
    INTERNAL_IPS = ["127.0.0.1", "::1"]

ROOT_URLCONF = "momentverse.urls"
WSGI_APPLICATION = "momentverse.wsgi.application"
# Only a URL that does not exist is redirected; those of the API have no slash at the end.
APPEND_SLASH = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["momentverse.templatetags.cached_url"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "momentverse.http.context_processors.site",
            ],
        },
    }
]

# The commands that fill a new timeline. `manage.py bootstrap` runs each once.
FIRST_MOMENTS = [
    ["import_moments", str(BASE_DIR / "timeline/services/imports/data/spaceflight.csv")],
    ["import_moments", str(BASE_DIR / "timeline/services/imports/data/earth_and_sky.csv")],
    ["import_astronomy", "--from-year", "1950", "--to-year", "2050"],
]

# The commands that `manage.py worker` runs periodically, and the seconds between two runs.
PERIODIC_JOBS = [
    ("fold_rollups", 30),
    ("release_expired_holds", 30),
    ("reconcile_payments", 60),
    ("send_order_emails", 60),
    ("process_pictures", 60),
    ("erase_accounts", 3600),
    ("clearsessions", 24 * 3600),
]

# Background tasks: in production a queue in the database, which `manage.py worker` processes; otherwise
# they run at once, without a worker.
TASKS = {
    "default": {
        "BACKEND": "django_tasks_db.DatabaseBackend"
        if PRODUCTION
        else "django_tasks.backends.immediate.ImmediateBackend"
    }
}

if PRODUCTION:
    PERIODIC_JOBS.append(("prune_db_task_results", 24 * 3600))

# People

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "account-home"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_USER_MODEL_USERNAME_FIELD = "handle"
ACCOUNT_PRESERVE_USERNAME_CASING = False
ACCOUNT_USERNAME_VALIDATORS = "accounts.handles.HANDLE_VALIDATORS"
ACCOUNT_SIGNUP_FIELDS = ["email*", "username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
# A change of address is announced to the old one, and a new password to its owner.
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = True
# Off, because `accounts.throttling` limits log-in, sign-up, mails and codes, even while Redis is unavailable.
ACCOUNT_RATE_LIMITS = False
MFA_RATE_LIMITS = False
MFA_ADAPTER = "accounts.mfa.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "MomentVerse"
MFA_TOTP_TOLERANCE = 1  # a phone's clock may be half a minute off
# Whether staff need a second factor to use the admin.
STAFF_NEEDS_SECOND_FACTOR = PRODUCTION
PASSWORD_HASHERS = ["accounts.hashers.Argon2idPasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# Mail

_mail = dj_email_url.parse(EMAIL_URL or "console:")
if "EMAIL_BACKEND" not in _mail:
    # The message does not repeat the URL, which may contain a password.
    raise ImproperlyConfigured(
        "EMAIL_URL cannot be read: give submission://user:password@host:587, smtps:// or console:"
    )
EMAIL_BACKEND = _mail["EMAIL_BACKEND"]
EMAIL_HOST = _mail["EMAIL_HOST"]
EMAIL_PORT = _mail["EMAIL_PORT"]
EMAIL_HOST_USER = _mail["EMAIL_HOST_USER"]
EMAIL_HOST_PASSWORD = _mail["EMAIL_HOST_PASSWORD"]
EMAIL_USE_SSL = _mail["EMAIL_USE_SSL"]
EMAIL_USE_TLS = _mail["EMAIL_USE_TLS"]
# Parsed here, because the library removes the leading slash.
EMAIL_FILE_PATH = urlsplit(EMAIL_URL).path or str(DATA_DIR / "mail")
EMAIL_TIMEOUT = 10

# Time and language: everything is stored and computed in UTC.

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"


def build_picture_storage(bucket: str) -> dict[str, Any]:
    """Return the storage for pictures: a bucket, or a folder without one."""
    if not bucket:
        folder = {"location": DATA_DIR / "pictures", "directory_permissions_mode": 0o700}
        return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": folder}
    if not find_spec("storages") or not find_spec("boto3"):
        raise ImproperlyConfigured(
            "PICTURES_BUCKET needs one more package: pip install 'django-storages[s3]'"
        )
    from botocore.config import Config

    options = {
        "bucket_name": bucket,
        "endpoint_url": PICTURES_S3_URL or None,
        "default_acl": None,
        # By default the library would let a visitor wait for minutes.
        "client_config": Config(connect_timeout=2, read_timeout=10, retries={"max_attempts": 2}),
    }
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}


# Static files: compressed, immutable and with hashed names; in development as they are.

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"
STORAGES: dict[str, dict[str, Any]] = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "pictures": build_picture_storage(PICTURES_BUCKET),
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "momentverse.staticfiles.storage.HashedFilesStorage"
    },
}

# Security

CSP_REPORTS_PATH = "/csp-reports/"
CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, *SCRIPT_SOURCES],
        "style-src": [SELF, STYLES_SOURCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        # The payment form redirects to the provider's page, which counts as a form action.
        "form-action": [SELF, "https://checkout.stripe.com"]
        if PAYMENT_PROVIDER == "stripe"
        else [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "require-trusted-types-for": ["'script'"],
        # We log violations. Newer browsers use report-to, older ones report-uri.
        "report-to": "csp",
        "report-uri": CSP_REPORTS_PATH,
    }
}
if DEBUG:
    # The debug toolbar inserts strings of HTML.
    del CONTENT_SECURITY_POLICY["DIRECTIVES"]["require-trusted-types-for"]
X_FRAME_OPTIONS = "DENY"
WHITENOISE_ADD_HEADERS_FUNCTION = cache_for_a_year
WHITENOISE_ALLOW_ALL_ORIGINS = False  # no other site needs our files
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = None  # SecurityHeadersMiddleware sets it, under https only
SECURE_SSL_REDIRECT = SECURE and PRODUCTION
SECURE_REDIRECT_EXEMPT = [r"^health/"]  # probes come from the internal network, over plain http
SECURE_HSTS_SECONDS = 2 * 365 * 24 * 3600 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE
SECURE_HSTS_PRELOAD = SECURE
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_NAME = "__Host-session" if SECURE else "session"
SESSION_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "__Host-csrf" if SECURE else "csrf"
CSRF_COOKIE_SECURE = SECURE
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = [SITE_URL]
# Embeddable pages never read or set cookies; `CookielessMiddleware` removes them.
COOKIELESS = ("/embed/",)
# In the session and not in a cookie, so that visitors without a session all get the same page.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
CSRF_FAILURE_VIEW = "momentverse.http.errors.csrf_failure"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
# A longer form with a file is rejected before it is read.
UPLOAD_MAX_BYTES = 16 * 1024 * 1024
FILE_UPLOAD_HANDLERS = [
    "momentverse.http.uploads.CappedUploadHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# Logs: lines of JSON on standard error, one per request and one per event.

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "momentverse.logging.JsonFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        # Off, because `momentverse.request` logs failed requests already.
        "django.request": {"level": "CRITICAL"},
        # Off, because anybody can send a foreign Host, and `momentverse.request` logs the rejection.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        # Quiet, because the development server would log each request a second time.
        "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
        # It logs each call twice, and at DEBUG includes the buyer's address.
        "stripe": {"level": "WARNING"},
    },
}
