"""Each release has its own entries: its code renders them, and they link to its static files."""

import json
import secrets

import pytest

from momentverse.page_cache.version import build_version


@pytest.fixture
def site(settings, tmp_path):
    """A folder with a small site."""
    settings.BASE_DIR = tmp_path
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STATIC_ROOT.mkdir()
    for folder, name in (("templates", "base.html"), ("timeline", "urls.py")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text("first")
    return tmp_path


def test_it_works(site):
    assert build_version() == build_version()
    assert len(build_version()) == 16


@pytest.mark.parametrize("path", ["templates/base.html", "timeline/urls.py", "timeline/more.py"])
def test_changed_file_is_another_version(site, path):
    before = build_version()
    (site / path).write_text("second")
    assert build_version() != before


def test_changed_static_file_is_another_version(site):
    versions = {build_version()}
    for _ in range(2):
        manifest = {"paths": {"css/site.css": f"css/site.{secrets.token_hex(6)}.css"}}
        (site / "static" / "staticfiles.json").write_text(json.dumps(manifest))
        versions.add(build_version())
    assert len(versions) == 3


def test_file_that_is_in_no_page_does_not_change_version(site):
    before = build_version()
    (site / "timeline" / "notes.md").write_text("notes")
    (site / "data").mkdir()
    (site / "data" / "import.py").write_text("data")
    assert build_version() == before


def test_another_origin_is_another_version(site, settings):
    before = build_version()
    settings.SITE_URL = "https://momentverse.example"
    assert build_version() != before
