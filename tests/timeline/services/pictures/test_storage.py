"""The storage of files: a folder, or a bucket of an S3-compatible service. All tests run with both."""

from __future__ import annotations

import io
import subprocess
import sys
import urllib.request

import pytest
from django.conf import settings as site_settings
from django.core.files.storage import storages

from tests.support.servers import find_free_port, wait_until
from timeline.services.pictures import storage

pytestmark = pytest.mark.embedded


@pytest.fixture(scope="module")
def s3():
    """A local S3 server with a bucket."""
    url = f"http://127.0.0.1:{find_free_port()}"
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", url.rpartition(":")[2]],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    def has_bucket():
        try:
            with urllib.request.urlopen(urllib.request.Request(f"{url}/pictures", method="PUT")):
                return True
        except OSError:
            return False

    wait_until(has_bucket, "S3 answers")
    yield url
    server.terminate()
    server.wait()


@pytest.fixture(params=["folder", "bucket"])
def backend(request, settings, tmp_path, monkeypatch):
    if request.param == "folder":
        entry = {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": tmp_path},
        }
    else:
        from momentverse import settings as module

        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "test")
        monkeypatch.setattr(module, "PICTURES_S3_URL", request.getfixturevalue("s3"))
        entry = module.build_picture_storage("pictures")
    settings.STORAGES = site_settings.STORAGES | {"pictures": entry}
    return storages["pictures"]


def test_it_works(backend):
    storage.write("key/source", io.BytesIO(b"one"))
    storage.write("key/192.avif", b"two")
    assert (storage.read("key/source"), storage.read("key/192.avif")) == (b"one", b"two")
    storage.delete_folder("key")
    assert not backend.exists("key/192.avif")


def test_file_with_the_same_name_is_replaced(backend):
    storage.write("key/192.avif", b"old and longer")
    storage.write("key/192.avif", b"new")
    assert storage.read("key/192.avif") == b"new"


def test_missing_file(backend):
    with pytest.raises(FileNotFoundError):
        storage.read("nowhere/192.avif")
    storage.delete("nowhere/192.avif")
    storage.delete_folder("nowhere")


def test_delete_folder_keeps_folders_with_the_same_prefix(backend):
    storage.write("key/1.avif", b"one")
    storage.write("key2/1.avif", b"two")
    storage.delete_folder("key")
    assert storage.read("key2/1.avif") == b"two"


def test_unavailable_storage_raises_os_error(settings, monkeypatch):
    from momentverse import settings as module

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setattr(module, "PICTURES_S3_URL", f"http://127.0.0.1:{find_free_port()}")
    settings.STORAGES = site_settings.STORAGES | {
        "pictures": module.build_picture_storage("pictures")
    }
    for ask in (
        lambda: storage.read("a/b"),
        lambda: storage.write("a/b", b""),
        lambda: storage.delete_folder("a"),
    ):
        with pytest.raises(OSError, match="cannot be reached"):
            ask()
