"""How gunicorn serves MomentVerse: read with ``gunicorn --config momentverse/gunicorn_conf.py``.

The embedded default is one process with threads, so that the cache in the
process is one. In production ``WEB_PROCESSES`` says how many there are.
"""

import os

bind = os.environ.get("BIND", "127.0.0.1:8000")
worker_class = "gthread"
workers = int(os.environ.get("WEB_PROCESSES", "1"))
threads = int(os.environ.get("WEB_THREADS", "8"))
keepalive = 15
timeout = 30
graceful_timeout = 20
# Longer request lines than any page of ours has are refused before Django is asked.
limit_request_line = 4094
limit_request_fields = 64
# Requests are logged by momentverse.logs, as JSON with a request id.
accesslog = None
errorlog = "-"
loglevel = "warning"
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None
