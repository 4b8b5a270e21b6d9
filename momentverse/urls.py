"""The site's URLs. The apps are named by string, because ``momentverse`` imports neither of them."""

from django.conf import settings
from django.contrib import admin
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, include, path
from django.utils.functional import lazy
from django.views.generic import RedirectView

from momentverse.views import csp_reports, health, well_known
from momentverse.views.manifest import manifest

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("timeline.urls")),
    path("accounts/", include("accounts.urls")),
    path("admin/", admin.site.urls),
    # Browsers request this for pages that name no icon: the admin, and plain JSON.
    path(
        "favicon.ico",
        RedirectView.as_view(url=lazy(static, str)("img/favicon.ico")),
        name="favicon",
    ),
    path("csp-reports/", csp_reports.report, name="csp-reports"),
    path("manifest.webmanifest", manifest, name="manifest"),
    path("robots.txt", well_known.robots, name="robots"),
    path(".well-known/security.txt", well_known.security, name="security-txt"),
    path(
        "health/",
        include(
            [
                path("live/", health.live, name="health-live"),
                path("ready/", health.ready, name="health-ready"),
            ]
        ),
    ),
]

if settings.DEBUG:
    from debug_toolbar.toolbar import debug_toolbar_urls

    urlpatterns += debug_toolbar_urls()

handler400 = "momentverse.http.errors.bad_request"
handler403 = "momentverse.http.errors.permission_denied"
handler404 = "momentverse.http.errors.not_found"
handler500 = "momentverse.http.errors.server_error"
