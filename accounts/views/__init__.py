"""Pages of one's own account that django-allauth does not have."""
