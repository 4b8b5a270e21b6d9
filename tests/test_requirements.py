"""The lock files fit the requirements, fit each other, and name no package index."""

from __future__ import annotations

import re

import pytest

from tests.support.servers import ROOT

LOCKS = {
    "requirements.txt": "requirements.lock.txt",
    "requirements-dev.txt": "requirements-dev.lock.txt",
}
PIN = re.compile(r"^([\w.-]+)(?:\[[\w,]+\])?==([\w.]+)", re.MULTILINE)


def pins(name: str) -> dict[str, str]:
    found = PIN.findall((ROOT / name).read_text())
    return {re.sub(r"[-_.]+", "-", package).lower(): version for package, version in found}


@pytest.mark.parametrize(("requirements", "lock"), LOCKS.items())
def test_lock_has_what_is_required(requirements, lock):
    required, locked = pins(requirements), pins(lock)
    assert {package: locked.get(package) for package in required} == required


def test_production_installs_what_was_tested():
    locked = pins("requirements-dev.lock.txt")
    production = pins("requirements.lock.txt")
    assert {package: locked.get(package) for package in production} == production


@pytest.mark.parametrize("lock", LOCKS.values())
def test_lock_has_hashes_and_no_host(lock):
    text = (ROOT / lock).read_text()
    assert "://" not in text
    assert "index-url" not in text
    packages = re.split(r"^(?=[\w.-]+==)", text, flags=re.MULTILINE)[1:]
    assert [package.split()[0] for package in packages if "--hash=sha256:" not in package] == []
