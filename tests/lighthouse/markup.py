"""What an HTML checker says of a page's bytes, as they come from the server."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from tests.lighthouse.tools import HERE, run

CHECKS_WITHIN_SECONDS = 120
RULES = HERE / "htmlvalidate.json"


def mistakes(pages: dict[str, str]) -> list[str]:
    """Return what is wrong with pages, given as their HTML by name."""
    with tempfile.TemporaryDirectory() as folder:
        for number, html in enumerate(pages.values()):
            (Path(folder) / f"{number}.html").write_text(html, encoding="utf-8")
        done = run(
            "html-validate/bin/html-validate.mjs", f"--config={RULES}", "--formatter=json", folder,
            seconds=CHECKS_WITHIN_SECONDS,
        )  # fmt: skip
    assert done.output.startswith("["), done.errors
    names = list(pages)
    return [
        f"{names[int(Path(result['filePath']).stem)]}, line {message['line']}: {message['message']}"
        for result in json.loads(done.output)
        for message in result["messages"]
    ]
