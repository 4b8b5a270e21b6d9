"""The public JSON API below ``/api/``. It is read-only and the same for everybody."""
