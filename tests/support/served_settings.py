"""The settings of a served site with the URLs of ``tests.support.urls``, without collected static files."""

import os

from momentverse.settings import *  # noqa: F403

ROOT_URLCONF = "tests.support.urls"
STORAGES = STORAGES | {  # noqa: F405
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
}

# For a test of what Redis counts, on a machine that may be busy.
if "TEST_REDIS_TIMEOUT" in os.environ:
    REDIS_TIMEOUT_SECONDS = float(os.environ["TEST_REDIS_TIMEOUT"])
