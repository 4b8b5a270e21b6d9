"""Control a double that runs in another process."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any


class RemoteDouble:
    """A client that calls the double's methods over HTTP: ``RemoteDouble(url).pay(session="cs_…")``."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            data = json.dumps(arguments).encode()
            request = urllib.request.Request(f"{self.url}/double/{name}", data=data)
            try:
                with urllib.request.urlopen(request, timeout=60) as response:
                    return json.loads(response.read())
            except urllib.error.HTTPError as error:
                raise ValueError(error.read().decode()) from error

        return call

    def state(self) -> Any:
        """Return the double's sessions, events, totals and calls."""
        with urllib.request.urlopen(f"{self.url}/double/state", timeout=60) as response:
            return json.loads(response.read())
