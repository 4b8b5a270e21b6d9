"""The API's URLs, which have no slash at the end."""

from django.urls import include, path

from timeline.views.api import moments, openapi, periods, tiles

# The parts are matched as text, so that the views can reject a wrong one with their own message.
period_urls = [
    path("centuries/<str:number>", periods.century, name="api-century"),
    path("<str:year>", periods.calendar_period, name="api-year"),
    path("<str:year>/<str:month>", periods.calendar_period, name="api-month"),
    path("<str:year>/<str:month>/<str:day>", periods.calendar_period, name="api-day"),
    path("<str:year>/<str:month>/<str:day>/<str:hour>", periods.calendar_period, name="api-hour"),
]

urlpatterns = [
    path("timeline", moments.timeline, name="api-timeline"),
    path("moments/<str:public_id>", moments.moment_detail, name="api-moment"),
    path("periods", periods.whole_timeline, name="api-periods"),
    path("periods/", include(period_urls)),
    path("density/<str:level>", tiles.density, name="api-density"),
    path("free", tiles.free, name="api-free"),
    path("openapi.json", openapi.openapi, name="api-openapi"),
]
