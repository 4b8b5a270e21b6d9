"""Our gunicorn worker, with so little patience that a test sees it end."""

from momentverse.gunicorn_worker import PatientWorker


class ImpatientWorker(PatientWorker):
    request_seconds = 0.2
    large_body_seconds = 0.2
