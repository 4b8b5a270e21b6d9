"""How gunicorn serves MomentVerse: read with ``gunicorn --config momentverse/gunicorn_conf.py``.

The embedded default is one process with threads, so that the cache in the
process is one. In production there are as many processes as cores, or as
``WEB_PROCESSES`` says; ``sizing.py`` has the arithmetic.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

from momentverse import settings
from momentverse.logging import JsonFormatter
from momentverse.server.capacity import client_connections


class JsonLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's own messages, in the same JSON lines as all others."""

    def setup(self, cfg: Any) -> None:
        """Put our formatter on what gunicorn has set up."""
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(JsonFormatter())


def when_ready(server: Any) -> None:
    """Tell a person at a terminal where to look, once the port is really open."""
    if not settings.PRODUCTION:
        print(f"MomentVerse is at {settings.SITE_URL} (Ctrl-C ends it)", flush=True)  # noqa: T201


bind = settings.BIND
worker_class = "momentverse.server.batching.BatchingWorker"
workers = settings.WEB_PROCESSES
threads = settings.WEB_THREADS
worker_connections = client_connections() + threads
keepalive = 15
timeout = 30
graceful_timeout = 20
# Longer request lines than any page of ours has are refused before Django is asked.
limit_request_line = 4094
limit_request_fields = 64
# By default a proxy on this machine may pass on SCRIPT_NAME and PATH_INFO as anybody has sent them.
forwarder_headers = ""
# Requests are logged by momentverse.logs, as JSON with a request id.
logger_class = JsonLogger
accesslog = None
errorlog = "-"
loglevel = "warning"
# Signals are enough to steer it; a socket in the home folder would be shared by every MomentVerse there.
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
