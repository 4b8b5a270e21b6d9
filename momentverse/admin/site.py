"""The admin site: our titles, a second factor for staff, and a policy that its scripts can work with."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from allauth.account.decorators import secure_admin_login
from allauth.mfa.utils import is_mfa_enabled
from csp.decorators import csp_replace
from django.conf import settings
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect

View = TypeVar("View", bound=Callable[..., HttpResponseBase])

# The admin's jQuery writes HTML as strings, which Trusted Types forbid. All other directives stay.
_allow_html_strings = csp_replace({"require-trusted-types-for": None})


class MomentverseAdminSite(AdminSite):
    """Django's admin site with our titles and log-in."""

    site_header = "MomentVerse"
    site_title = "MomentVerse admin"
    index_title = "The timeline and its people"

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        """Wrap a page of the admin: set the admin's policy, and require a second factor."""
        guarded = _require_second_factor(super().admin_view(view, cacheable))
        return cast(View, _allow_html_strings(guarded))

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Use the site's own log-in, so that there is only one to protect, with its second factor."""
        return cast(HttpResponse, secure_admin_login(super().login)(request, extra_context))


def _require_second_factor(view: View) -> View:
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user = request.user
        if settings.STAFF_NEEDS_SECOND_FACTOR and user.is_staff and not is_mfa_enabled(user):
            messages.warning(
                request, "The admin needs a second factor. Set it up here, then go on."
            )
            return redirect("mfa_activate_totp")
        return view(request, *args, **kwargs)

    return cast(View, guarded)
