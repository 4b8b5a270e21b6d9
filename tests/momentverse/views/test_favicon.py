"""The icon that browsers request for pages without a link to one."""

import struct
from pathlib import Path

from django.contrib.staticfiles import finders


def test_it_works(client):
    response = client.get("/favicon.ico")
    assert response.status_code == 302
    assert response["Location"] == "/static/img/favicon.ico"


def test_file_is_an_icon():
    content = Path(finders.find("img/favicon.ico")).read_bytes()
    assert struct.unpack_from("<HHHBB", content) == (0, 1, 1, 32, 32)
    assert content[22:30] == b"\x89PNG\r\n\x1a\n"
