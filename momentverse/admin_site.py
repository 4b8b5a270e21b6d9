"""The admin, in MomentVerse's name and under a policy that its scripts can work with."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

from csp.decorators import csp_replace
from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig as DjangoAdminConfig
from django.http import HttpResponseBase

View = TypeVar("View", bound=Callable[..., HttpResponseBase])

# The admin's own jQuery writes HTML as strings, which Trusted Types forbid. The rest stays.
_without_trusted_types = csp_replace({"require-trusted-types-for": None})


class MomentverseAdminSite(AdminSite):
    """Django's admin with our titles."""

    site_header = "MomentVerse"
    site_title = "MomentVerse admin"
    index_title = "The timeline and its people"

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """Wrap every admin page in the admin's policy."""
        return cast(View, _without_trusted_types(super().admin_view(view, cacheable)))


class AdminConfig(DjangoAdminConfig):
    """Names our site as the admin's default."""

    default_site = "momentverse.admin_site.MomentverseAdminSite"
