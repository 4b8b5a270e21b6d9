"""``manage.py`` starts on systems that lack the modules of Unix."""

from __future__ import annotations

import subprocess
import sys

from tests.support.servers import ROOT

# Windows has none of these. A module that is None in `sys.modules` cannot be imported.
UNIX_MODULES = ("resource", "fcntl", "pwd", "grp")


def run_without_unix_modules(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    block_modules = f"import sys; sys.modules.update(dict.fromkeys({UNIX_MODULES})); "
    return subprocess.run(
        [sys.executable, "-c", block_modules + code, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_manage_check_passes_without_unix_modules():
    start = (
        "import runpy; sys.argv[0] = 'manage.py'; runpy.run_path('manage.py', run_name='__main__')"
    )
    result = run_without_unix_modules(start, "check")
    assert result.returncode == 0, result.stderr
    assert "no issues" in result.stdout


def test_client_connections_are_not_limited_without_resource():
    result = run_without_unix_modules(
        "from momentverse.server.capacity import reserve_client_connections as reserve;"
        " print(reserve(5000))"
    )
    assert result.stdout == "5000\n", result.stderr


def test_encoder_starts_without_resource(tmp_path):
    """Without ``resource`` the encoder runs without limits, and still refuses a file that is no picture."""
    source = tmp_path / "source"
    source.write_bytes(b"no picture")
    start = (
        "import runpy; runpy.run_module('timeline.services.pictures.encoder', run_name='__main__')"
    )
    result = run_without_unix_modules(start, str(source), str(tmp_path))
    assert result.returncode == 0, result.stderr
    assert "refused" in result.stdout, result.stdout
