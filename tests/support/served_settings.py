"""The settings of a served site with the URLs of ``tests.support.urls``, without collected static files."""

from momentverse.settings import *  # noqa: F403

ROOT_URLCONF = "tests.support.urls"
STORAGES = STORAGES | {  # noqa: F405
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
}
