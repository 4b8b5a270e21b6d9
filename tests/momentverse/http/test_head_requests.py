"""HEAD gets the headers of GET, without the body."""

import pytest
from django.test import RequestFactory

from momentverse.wsgi import application


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/health/live/", "/nowhere/", "/api/nowhere"])
def test_it_works(path):
    """Without the test client, which removes the body itself."""
    responses = {}
    for method in ("GET", "HEAD"):
        environ = RequestFactory().generic(method, path, headers={"Host": "127.0.0.1"}).environ
        started = []
        body = b"".join(application(environ, lambda *args, started=started: started.append(args)))
        status, headers = started[0]
        responses[method] = (status, dict(headers)["Content-Length"], body)
    assert responses["HEAD"][2] == b""
    assert responses["GET"][:2] == responses["HEAD"][:2]
    assert int(responses["GET"][1]) == len(responses["GET"][2]) > 0
