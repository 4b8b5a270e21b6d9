"""The API's addresses, without a slash at the end."""

from django.urls import include, path

from timeline.views.api import moments, openapi, periods, tiles

# Parts are taken as text, so that what is no number is answered in a sentence of ours.
period_urls = [
    path("centuries/<str:number>", periods.century, name="api-century"),
    path("<str:year>", periods.calendar_period, name="api-year"),
    path("<str:year>/<str:month>", periods.calendar_period, name="api-month"),
    path("<str:year>/<str:month>/<str:day>", periods.calendar_period, name="api-day"),
    path("<str:year>/<str:month>/<str:day>/<str:hour>", periods.calendar_period, name="api-hour"),
]

urlpatterns = [
    path("timeline", moments.timeline, name="api-timeline"),
    path("moments/<str:public_id>", moments.moment, name="api-moment"),
    path("periods", periods.whole_timeline, name="api-periods"),
    path("periods/", include(period_urls)),
    path("density/<str:level>", tiles.density, name="api-density"),
    path("free", tiles.free, name="api-free"),
    path("openapi.json", openapi.openapi, name="api-openapi"),
]
