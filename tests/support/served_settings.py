"""The site's settings, with the test's pages and without collected static files."""

from momentverse.settings import *  # noqa: F403

ROOT_URLCONF = "tests.support.urls"
STORAGES = STORAGES | {  # noqa: F405
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
}
