"""Our gunicorn worker, with so little patience that a test sees it end."""

from momentverse.server.batching import BatchingWorker


class ImpatientWorker(BatchingWorker):
    request_seconds = 0.2
    large_body_seconds = 0.2
