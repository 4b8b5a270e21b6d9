"""The configuration of gunicorn: ``gunicorn --config momentverse/gunicorn_conf.py``.

The embedded default is one process with threads, because its cache is in the process. Production
has one process per core, or ``WEB_PROCESSES``; ``server/capacity.py`` explains the numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gunicorn.glogging import Logger

from momentverse import settings
from momentverse.logging import JsonFormatter
from momentverse.server.capacity import reserve_client_connections


class JsonLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Formats gunicorn's own messages as JSON lines, like all others."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(JsonFormatter())


def when_ready(server: Any) -> None:
    """Print the site's URL for a person at a terminal, once the port is open."""
    if not settings.PRODUCTION:
        print(f"MomentVerse is at {settings.SITE_URL} (Ctrl-C ends it)", flush=True)  # noqa: T201


bind = settings.BIND
worker_class = "momentverse.server.batching.BatchingWorker"
workers = settings.WEB_PROCESSES
threads = settings.WEB_THREADS
worker_connections = reserve_client_connections() + threads
keepalive = 15
timeout = 30
graceful_timeout = 20
# No page of ours needs a longer request line; gunicorn rejects it before Django is called.
limit_request_line = 4094
limit_request_fields = 64
# By default gunicorn trusts a proxy on this machine to set SCRIPT_NAME and PATH_INFO by headers, and the
# proxy may just pass them on from anybody.
forwarder_headers = ""
# `RequestLogMiddleware` and the page cache log requests, as JSON with a request id.
logger_class = JsonLogger
accesslog = None
errorlog = "-"
loglevel = "warning"
# We control gunicorn with signals. Every MomentVerse of this user would share the socket in the home folder.
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
