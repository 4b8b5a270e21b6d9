"""Each release has pages of its own: they name its static files, and are made by its code."""

import json
import secrets

import pytest

from momentverse.page_cache.version import build_version


@pytest.fixture
def release(settings, tmp_path):
    """A small site in a folder."""
    settings.BASE_DIR = tmp_path
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STATIC_ROOT.mkdir()
    for folder, name in (("templates", "base.html"), ("timeline", "reading.py")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text("first")
    return tmp_path


def test_it_works(release):
    assert build_version() == build_version()
    assert len(build_version()) == 16


@pytest.mark.parametrize("path", ["templates/base.html", "timeline/reading.py", "timeline/more.py"])
def test_another_file_is_another_release(release, path):
    before = build_version()
    (release / path).write_text("second")
    assert build_version() != before


def test_another_static_file_is_another_release(release):
    stamps = {build_version()}
    for _ in range(2):
        manifest = {"paths": {"css/site.css": f"css/site.{secrets.token_hex(6)}.css"}}
        (release / "static" / "staticfiles.json").write_text(json.dumps(manifest))
        stamps.add(build_version())
    assert len(stamps) == 3


def test_what_is_not_part_of_a_page_makes_no_release(release):
    before = build_version()
    (release / "timeline" / "notes.md").write_text("notes")
    (release / "data").mkdir()
    (release / "data" / "import.py").write_text("data")
    assert build_version() == before


def test_another_origin_is_another_release(release, settings):
    before = build_version()
    settings.SITE_URL = "https://momentverse.example"
    assert build_version() != before
