"""Names our admin site; apart from it, because apps are loaded before there are models."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig


class AdminConfig(DjangoAdminConfig):
    """Names our site as the admin's default."""

    default_site = "momentverse.admin.site.MomentverseAdminSite"
