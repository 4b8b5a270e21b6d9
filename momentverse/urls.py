"""The map of the site. The apps are named by string: this floor knows none of them."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from momentverse import health

urlpatterns = [
    path("", include("timeline.urls")),
    path("admin/", admin.site.urls),
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

handler400 = "momentverse.errors.bad_request"
handler403 = "momentverse.errors.permission_denied"
handler404 = "momentverse.errors.not_found"
handler500 = "momentverse.errors.server_error"
