"""HEAD is answered like GET, without the body."""

import pytest
from django.test import RequestFactory

from momentverse.wsgi import application


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/health/live/", "/nowhere/", "/api/nowhere"])
def test_it_works(path):
    """Asked past the test client, which drops the body by itself."""
    answers = {}
    for method in ("GET", "HEAD"):
        environ = RequestFactory().generic(method, path, headers={"Host": "127.0.0.1"}).environ
        told = []
        body = b"".join(application(environ, lambda *start, told=told: told.append(start)))
        status, headers = told[0]
        answers[method] = (status, dict(headers)["Content-Length"], body)
    assert answers["HEAD"][2] == b""
    assert answers["GET"][:2] == answers["HEAD"][:2]
    assert int(answers["GET"][1]) == len(answers["GET"][2]) > 0
