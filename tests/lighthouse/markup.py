"""Check the HTML of pages, as the server sends it, with html-validate."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from tests.lighthouse.tools import HERE, run

CHECK_TIMEOUT_SECONDS = 120
RULES = HERE / "htmlvalidate.json"


def check_html(pages: dict[str, str]) -> list[str]:
    """Return the errors in pages, given as a dictionary of names and HTML."""
    with tempfile.TemporaryDirectory() as folder:
        for number, html in enumerate(pages.values()):
            (Path(folder) / f"{number}.html").write_text(html, encoding="utf-8")
        result = run(
            "html-validate/bin/html-validate.mjs", f"--config={RULES}", "--formatter=json", folder,
            timeout=CHECK_TIMEOUT_SECONDS,
        )  # fmt: skip
    assert result.output.startswith("["), result.errors
    names = list(pages)
    return [
        f"{names[int(Path(report['filePath']).stem)]}, line {message['line']}: {message['message']}"
        for report in json.loads(result.output)
        for message in report["messages"]
    ]
