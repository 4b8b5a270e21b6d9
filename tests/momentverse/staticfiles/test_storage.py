"""Static files as they are served: hashed, pre-compressed, and immutable only under a hashed name."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import re
import shutil
import time
import urllib.request

import pytest
from django.contrib.staticfiles.storage import storages
from django.core.management import call_command

from tests.support.servers import ROOT, gunicorn, site_environment

IMMUTABLE = "public, max-age=31536000, immutable"
NAMES = {
    "css": "css/site.css",
    "script": "js/hold.js",
    "icon": "img/icon.svg",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory, collected_files):
    data_dir = tmp_path_factory.mktemp("data")
    shutil.copytree(collected_files, data_dir / "static")
    with gunicorn(site_environment(data_dir)) as running:
        text = (data_dir / "static/staticfiles.json").read_text()
        running.paths = json.loads(text)["paths"]
        running.static = data_dir / "static"
        yield running


def get(site, name, **headers):
    request = urllib.request.Request(f"{site.url}/static/{name}", headers=headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        return response.headers, response.read()


def test_it_works(site):
    for name in NAMES.values():
        headers, content = get(site, site.paths[name])
        assert headers["Cache-Control"] == IMMUTABLE
        assert content == (site.static / site.paths[name]).read_bytes()
        assert re.search(r"\.[0-9a-f]{12}\.", site.paths[name])


def test_plain_names_are_not_immutable(site):
    for name in NAMES.values():
        headers, _ = get(site, name)
        assert "immutable" not in headers["Cache-Control"]


@pytest.mark.parametrize(("accepted", "suffix"), [("br", "br"), ("gzip", "gz")])
def test_precompressed_file_is_served(site, accepted, suffix):
    name = site.paths[NAMES["css"]]
    headers, content = get(site, name, **{"Accept-Encoding": accepted})
    assert headers["Content-Encoding"] == accepted
    assert headers["Vary"] == "Accept-Encoding"
    assert headers["Cache-Control"] == IMMUTABLE
    assert content == (site.static / f"{name}.{suffix}").read_bytes()


def test_brotli_is_preferred(site):
    headers, _ = get(site, site.paths[NAMES["css"]], **{"Accept-Encoding": "gzip, deflate, br"})
    assert headers["Content-Encoding"] == "br"


@pytest.fixture
def source(settings, tmp_path):
    """The only folder that ``collectstatic`` collects."""
    folder = tmp_path / "source"
    folder.mkdir()
    settings.STATICFILES_DIRS = [folder]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATIC_ROOT = tmp_path / "collected"
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "momentverse.staticfiles.storage.HashedFilesStorage"}
    }
    return folder


def test_modules_import_each_other_by_hashed_names(source, settings):
    """Otherwise a browser would combine a module of a new release with a cached one of the old release."""
    (source / "parts").mkdir()
    (source / "page.js").write_text(
        'import { part } from "./parts/part.js";\nconst later = () => import("./later.js");\npart();\n'
    )
    (source / "parts/part.js").write_text("export function part() {}\n")
    (source / "later.js").write_text("export default 1;\n")
    call_command("collectstatic", interactive=False, verbosity=0)
    name = storages["staticfiles"].stored_name("page.js")
    text = (settings.STATIC_ROOT / name).read_text()
    assert re.search(r'from "\./parts/part\.[0-9a-f]{12}\.js"', text)
    assert re.search(r'import\("\./later\.[0-9a-f]{12}\.js"\)', text)


@pytest.fixture
def collect(source, settings):
    """Return a function that writes and collects files, and returns when each was compressed."""
    times = itertools.count(int(time.time()), 10)

    def run(**files):
        for name, text in files.items():
            path = source / f"{name}.css"
            path.write_text(text)
            # Django copies a file again if it is newer by at least a second.
            seconds = next(times)
            os.utime(path, (seconds, seconds))
        call_command("collectstatic", interactive=False, verbosity=0)
        compressed = [*settings.STATIC_ROOT.glob("*.gz"), *settings.STATIC_ROOT.glob("*.br")]
        return {path.name: path.stat().st_ctime_ns for path in compressed}

    return run


LONG_RULES = "p { color: red } " * 100


def test_only_changed_files_are_compressed_again(collect):
    first = collect(same=LONG_RULES, changed=LONG_RULES)
    assert len(first) == 2 * 2 * 2  # plain and hashed names, gzip and Brotli
    second = collect(changed=LONG_RULES.replace("red", "blue"))
    rewritten = {name for name in first if second[name] != first[name]}
    assert rewritten == {"changed.css.gz", "changed.css.br"}
    new = second.keys() - first.keys()
    assert len(new) == 2
    assert all(re.fullmatch(r"changed\.[0-9a-f]{12}\.css\.(gz|br)", name) for name in new)


def test_compressed_file_has_the_new_content(collect, settings):
    collect(changed=LONG_RULES)
    collect(changed=LONG_RULES.replace("red", "blue"))
    compressed = (settings.STATIC_ROOT / "changed.css.gz").read_bytes()
    assert gzip.decompress(compressed).startswith(b"p { color: blue }")


def test_all_imports_of_our_modules_are_rewritten(site):
    for path in (site.static).glob("js/**/*.js"):
        if not re.search(r"\.[0-9a-f]{12}\.js$", path.name):
            continue
        for imported in re.findall(
            r"""(?<!["'])\b(?:from|import)\s*\(?\s*["']([^"']+)["']""", path.read_text()
        ):
            assert re.search(r"\.[0-9a-f]{12}\.js$", imported), (path.name, imported)


def test_our_modules_are_served_without_comments(site):
    _, content = get(site, site.paths["js/chart.js"])
    assert b"//" not in content.replace(b"://", b"")
    assert len(content) < 0.8 * (ROOT / "static/js/chart.js").stat().st_size
    assert b"${" in content  # strings are unchanged


def test_files_of_libraries_are_unchanged(site):
    (name,) = (path for path in site.paths if path.endswith("admin/js/core.js"))
    _, content = get(site, site.paths[name])
    assert b"// " in content
