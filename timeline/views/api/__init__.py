"""The public timeline as JSON, below ``/api/``: read-only, the same for everybody."""
