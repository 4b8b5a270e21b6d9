"""All settings. Each is read from the environment, typed, and explained where it stands.

With no environment at all this is the embedded default: SQLite, a cache in the
process, DEBUG off. Nonsense, and production without its secrets, is refused at
start with a sentence.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from environs import EnvError, FileAwareEnv, validate

from momentverse.database_url import database_from_url

BASE_DIR = Path(__file__).resolve().parent.parent

# `X_FILE` names a file that holds the value of `X`: for secrets that are mounted, not exported.
env = FileAwareEnv()


def setting(read: Any, name: str, default: Any, **options: Any) -> Any:
    """Read one variable; what cannot be read ends the start with a sentence, not a traceback of types."""
    try:
        return read(name, default, **options)
    except (EnvError, ValueError, OSError) as error:
        raise ImproperlyConfigured(f"{name} cannot be used: {error}") from error


# How it runs: `embedded` (the default), `development` (DEBUG and the debug toolbar) or `production`.
MODE: str = setting(
    env.str,
    "MOMENTVERSE_MODE",
    "embedded",
    validate=validate.OneOf(["embedded", "development", "production"]),
)
PRODUCTION = MODE == "production"
DEBUG = MODE == "development"

# Where the embedded default keeps its database, its secret and the collected static files.
DATA_DIR: Path = setting(env.path, "DATA_DIR", BASE_DIR / ".data")
DATA_DIR.mkdir(parents=True, exist_ok=True)

# The origin people reach the site by. Absolute links are made from it, never from a Host header.
SITE_URL: str = setting(env.str, "SITE_URL", "http://127.0.0.1:8000").rstrip("/")
_origin = urlsplit(SITE_URL)
if _origin.scheme not in ("http", "https") or not _origin.hostname or _origin.path:
    raise ImproperlyConfigured(
        f"SITE_URL is {SITE_URL!r}; it takes an origin such as https://momentverse.example"
    )
SECURE = _origin.scheme == "https"

# Host names that are answered to. By default the one in SITE_URL, and the loopback names outside production.
ALLOWED_HOSTS: list[str] = setting(env.list, "ALLOWED_HOSTS", [])

# PostgreSQL in production; without it an SQLite file in DATA_DIR. `database_url.py` has its parameters.
DATABASE_URL: str = setting(env.str, "DATABASE_URL", "")

# Redis (or Valkey) for cache and limits; without it both live in the process.
REDIS_URL: str = setting(env.str, "REDIS_URL", "")

# How many reverse proxies of ours stand in front; that many entries of X-Forwarded-For are believed.
TRUSTED_PROXIES: int = setting(env.int, "TRUSTED_PROXIES", 0, validate=validate.Range(min=0, max=8))

# Requests that one user, or one network when nobody is logged in, may make in a minute.
RATE_LIMIT_PER_MINUTE: int = setting(
    env.int, "RATE_LIMIT_PER_MINUTE", 200, validate=validate.Range(min=1)
)

# A database query that takes longer than this many milliseconds is warned of in the log.
SLOW_QUERY_MS: int = setting(env.int, "SLOW_QUERY_MS", 1000, validate=validate.Range(min=0))

# The least severe messages that the log shows.
LOG_LEVEL: str = setting(
    env.str,
    "LOG_LEVEL",
    "INFO",
    validate=validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]),
)


def embedded_secret_key(path: Path) -> str:
    """Return the secret kept in ``path``; made at the first start, readable by its owner only."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with open(handle, "w") as file:
        file.write(secrets.token_urlsafe(50))
    return path.read_text().strip()


# Signs sessions and tokens. Required in production; made and kept in DATA_DIR otherwise.
SECRET_KEY: str = setting(env.str, "SECRET_KEY", "")

if PRODUCTION:
    _missing = [
        name
        for name, value in {
            "SECRET_KEY": SECRET_KEY,
            "DATABASE_URL": DATABASE_URL,
            "REDIS_URL": REDIS_URL,
            "ALLOWED_HOSTS": ALLOWED_HOSTS,
        }.items()
        if not value
    ]
    if _missing:
        raise ImproperlyConfigured(
            f"Production needs {', '.join(_missing)}: set it in the environment (or in a file named by {_missing[0]}_FILE)."
        )
    if len(SECRET_KEY) < 40:
        raise ImproperlyConfigured("SECRET_KEY is too short: production takes 40 characters or more.")
    if "*" in ALLOWED_HOSTS:
        raise ImproperlyConfigured("ALLOWED_HOSTS is '*': name the hosts, or anybody's link can carry your site's name.")
    if not DATABASE_URL.startswith(("postgres://", "postgresql://")):
        raise ImproperlyConfigured("Production needs PostgreSQL: DATABASE_URL must begin with postgresql://")
else:
    SECRET_KEY = SECRET_KEY or embedded_secret_key(DATA_DIR / "secret_key")
    ALLOWED_HOSTS = ALLOWED_HOSTS or [_origin.hostname, "127.0.0.1", "localhost", "[::1]"]

DATABASES = {"default": database_from_url(DATABASE_URL, DATA_DIR)}

if REDIS_URL and not REDIS_URL.startswith(("redis://", "rediss://", "unix://")):
    raise ImproperlyConfigured(
        f"REDIS_URL is {REDIS_URL!r}; it begins with redis://, rediss:// or unix://"
    )
# A reader must not wait for a cache that hangs: past this many seconds the page is built without it.
REDIS_TIMEOUT_SECONDS = 0.2
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "momentverse",
        "OPTIONS": {
            "SOCKET_TIMEOUT": REDIS_TIMEOUT_SECONDS,
            "SOCKET_CONNECT_TIMEOUT": REDIS_TIMEOUT_SECONDS,
        },
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "momentverse"}
}

INSTALLED_APPS = [
    "momentverse.admin_site.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "csp",
    "momentverse",
    "accounts",
    "timeline",
]

MIDDLEWARE = [
    "momentverse.logs.RequestLogMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "momentverse.security.SecurityHeadersMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "momentverse.page_cache.NoStoreByDefaultMiddleware",
    "momentverse.errors.ErrorPagesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "momentverse.limits.RateLimitMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
if DEBUG:
    INSTALLED_APPS.append("debug_toolbar")
    MIDDLEWARE.insert(1, "debug_toolbar.middleware.DebugToolbarMiddleware")
    INTERNAL_IPS = ["127.0.0.1", "::1"]

ROOT_URLCONF = "momentverse.urls"
WSGI_APPLICATION = "momentverse.wsgi.application"
# `/api/timeline` and `/api/timeline/` are two addresses; neither redirects to the other.
APPEND_SLASH = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# People

AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = ["accounts.hashers.Argon2idPasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# Time and language: everything is stored and computed in UTC.

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Static files: hashed names, compressed, immutable; plain while developing.

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_ROOT = DATA_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# Security

CONTENT_SECURITY_POLICY: dict[str, Any] = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "require-trusted-types-for": ["'script'"],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = None  # `security.py` sets it where browsers take it
SECURE_SSL_REDIRECT = SECURE and PRODUCTION
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
CSRF_FAILURE_VIEW = "momentverse.errors.csrf_failure"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

# Logs: JSON lines on standard error, one a request and one an event.

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "momentverse.logs.JsonFormatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
        # One line for a failed request is enough, and `momentverse.request` has it.
        "django.request": {"level": "CRITICAL"},
        "django.server": {"handlers": [], "level": LOG_LEVEL, "propagate": True},
    },
}
