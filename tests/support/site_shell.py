"""Runs scripts with the settings of a served site, all of them in one process.

``manage.py shell`` would take seconds for each script, most of them for importing Django.
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
    """A process that runs ``main`` below. Its environment determines the site that it works on."""

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
        """Run a script and return what it prints. Fails with its traceback if it raises an exception."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(script) + "\n")
        self._process.stdin.flush()
        reply = self._process.stdout.readline()
        assert reply, "the site's shell has ended"
        output, error = json.loads(reply)
        assert not error, error
        return str(output)

    def close(self) -> None:
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()
        self._process.wait()


def main() -> None:
    """Run each line of standard input, a JSON string, as a script. Print ``[its output, its error]``."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "momentverse.settings")
    import django

    django.setup()
    from django.db import connections

    for line in sys.stdin:
        printed, error = io.StringIO(), ""
        try:
            with contextlib.redirect_stdout(printed):
                exec(json.loads(line), {"__name__": "__main__"})
        except Exception:  # noqa: BLE001  the test shows any error
            error = traceback.format_exc()
        finally:
            connections.close_all()
        print(json.dumps([printed.getvalue(), error]), flush=True)


if __name__ == "__main__":
    main()
