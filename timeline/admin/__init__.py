"""Django admin: importing this package registers every model admin."""

from timeline.admin import moments, orders, reports

__all__ = ["moments", "orders", "reports"]
