"""The style guide."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.support.servers import ROOT, SITE_VARIABLES
from timeline.views.styleguide import COLOURS, SIZES, TITLES, styleguide

FIND = 'from django.urls import reverse; print("at", reverse("timeline:styleguide"))'


@pytest.fixture
def page(rf, db):
    return styleguide(rf.get("/styleguide/")).content.decode()


def test_it_works(page):
    assert "<h1>Style guide</h1>" in page
    for title in TITLES:
        assert f"<bdi>{title}</bdi>" in page
    for piece in ("horizon", "statistics", "cells", "moments", "moment-lines", "tags", "form-errors", "form",
                  "pager", "steps", "facts", "neighbours", "empty-state", "messages"):  # fmt: skip
        assert re.search(rf'class="[^"]*\b{piece}\b', page), piece


def test_page_exists_in_development_only(client, db):
    assert client.get("/styleguide/").status_code == 404


def test_page_exists_in_development(tmp_path):
    inherited = {name: value for name, value in os.environ.items() if name not in SITE_VARIABLES}
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--command", FIND],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env=inherited | {"MOMENTVERSE_MODE": "development", "DATA_DIR": str(tmp_path)},
    )  # fmt: skip
    assert "at /styleguide/" in done.stdout, done.stderr


def test_page_shows_every_colour_and_size():
    styles = (ROOT / "static/css/site.css").read_text()
    own = (ROOT / "static/css/styleguide.css").read_text()
    tokens = re.findall(r"^  --([\w-]+): light-dark", styles, re.MULTILINE)
    assert {"twinkle", *COLOURS} == set(tokens)
    sizes = re.findall(r"^  --(size-\d):", styles, re.MULTILINE)
    assert sorted(sizes) == sorted(name for name, _ in SIZES)
    for name in (*COLOURS, *sizes):
        assert f"var(--{name})" in own
