"""Runs scripts with a served site's settings, all of them in one process.

``manage.py shell`` would take seconds for each, most of them to import Django.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import traceback

from tests.support.servers import ROOT


class SiteShell:
    """A process of ``main`` below. Its environment says which site it works on."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.site_shell"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str) -> str:
        """Return what the script prints; fail when it fails."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(script) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the site's shell has ended"
        output, error = json.loads(answer)
        assert not error, error
        return str(output)

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()
        self._process.wait()


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "momentverse.settings")
    import django

    django.setup()
    from django.db import connections

    for line in sys.stdin:
        printed, error = io.StringIO(), ""
        try:
            with contextlib.redirect_stdout(printed):
                exec(json.loads(line), {"__name__": "__main__"})
        except Exception:  # noqa: BLE001  whatever it is, the test is to show it
            error = traceback.format_exc()
        finally:
            connections.close_all()
        print(json.dumps([printed.getvalue(), error]), flush=True)


if __name__ == "__main__":
    main()
