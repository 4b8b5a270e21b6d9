"""The lock files match the requirements and each other, and name no package index."""

from __future__ import annotations

import re

import pytest

from tests.support.servers import ROOT

LOCKS = {
    "requirements.txt": "requirements.lock.txt",
    "requirements-dev.txt": "requirements-dev.lock.txt",
}
PIN = re.compile(r"^([\w.-]+)(?:\[[\w,]+\])?==([\w.]+)", re.MULTILINE)


def read_pins(name: str) -> dict[str, str]:
    """Return the pinned version of each package in a file, by normalised name (PEP 503)."""
    pins = PIN.findall((ROOT / name).read_text())
    return {re.sub(r"[-_.]+", "-", package).lower(): version for package, version in pins}


@pytest.mark.parametrize(("requirements", "lock"), LOCKS.items())
def test_lock_pins_the_required_versions(requirements, lock):
    required, locked = read_pins(requirements), read_pins(lock)
    assert {package: locked.get(package) for package in required} == required


def test_production_installs_the_tested_versions():
    locked = read_pins("requirements-dev.lock.txt")
    production = read_pins("requirements.lock.txt")
    assert {package: locked.get(package) for package in production} == production


@pytest.mark.parametrize("lock", LOCKS.values())
def test_lock_has_hashes_and_names_no_host(lock):
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert "index-url" not in text
    packages = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert [package.split()[0] for package in packages if "--hash=sha256:" not in package] == []
