"""The admin's app config. Not in ``site.py``, because apps are loaded before models exist."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig


class AdminConfig(DjangoAdminConfig):
    """Makes our site the default admin site."""

    default_site = "momentverse.admin.site.MomentverseAdminSite"
