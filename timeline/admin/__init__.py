"""The admin site. Importing this package registers all of the timeline's model admins."""

from timeline.admin import moments, orders, reports

__all__ = ["moments", "orders", "reports"]
