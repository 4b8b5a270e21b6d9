"""Logged-in people who use a served MomentVerse that shares the database of the tests."""

from __future__ import annotations

import http.client
import os
from urllib.parse import urlencode, urlsplit, urlunsplit

from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils.crypto import get_random_string

from accounts.models import User

TIMEOUT_SECONDS = 60


def database_url() -> str:
    """Return the database of the tests as a ``DATABASE_URL``."""
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlunsplit(urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}"))


class Person:
    """A person with a session who sends forms as a browser does. Redirects are not followed."""

    def __init__(self, user: User) -> None:
        client = Client()
        client.force_login(user)
        self.token = get_random_string(32)
        cookies = {
            settings.SESSION_COOKIE_NAME: client.cookies[settings.SESSION_COOKIE_NAME].value,
            settings.CSRF_COOKIE_NAME: self.token,
        }
        self.headers = {
            # The site trusts this header because it runs behind a proxy. Each person gets an address of their
            # own, because people in one network share its rate limits.
            "X-Forwarded-For": f"10.{user.pk >> 16 & 255}.{user.pk >> 8 & 255}.{user.pk & 255}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
        }

    def post(self, site: str, path: str, **fields: object) -> tuple[int, str]:
        """Send a form; return the status and the Location. Raises OSError or HTTPException on failure."""
        to = http.client.HTTPConnection(urlsplit(site).netloc, timeout=TIMEOUT_SECONDS)
        try:
            form = urlencode(fields | {"csrfmiddlewaretoken": self.token})
            to.request("POST", path, form, self.headers)
            answer = to.getresponse()
            answer.read()
            return answer.status, answer.headers.get("Location", "")
        finally:
            to.close()
