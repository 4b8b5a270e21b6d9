"""The timeline's routes, by what they act on."""

from django.urls import include, path, re_path, register_converter

from timeline.pages import home, moment, newest, period, profile, stars, tags, today
from timeline.public_ids import PublicIdConverter

register_converter(PublicIdConverter, "id")

app_name = "timeline"

_two = r"[0-9]{2}"

period_urls = [
    path("", newest.newest, name="newest"),
    path("centuries/", period.centuries, name="centuries"),
    re_path(r"^centuries/(?P<number>[1-9][0-9]{0,2})/$", period.century, name="century"),
    re_path(r"^(?P<year>[0-9]{4})/$", period.calendar_period, name="year"),
    re_path(rf"^(?P<year>[0-9]{{4}})/(?P<month>{_two})/$", period.calendar_period, name="month"),
    re_path(
        rf"^(?P<year>[0-9]{{4}})/(?P<month>{_two})/(?P<day>{_two})/$",
        period.calendar_period,
        name="day",
    ),
    re_path(
        rf"^(?P<year>[0-9]{{4}})/(?P<month>{_two})/(?P<day>{_two})/(?P<hour>{_two})/$",
        period.calendar_period,
        name="hour",
    ),
]

moment_urls = [
    path("<id:pk>/", moment.moment, name="moment-short"),
    path("<id:pk>/<str:slug>/", moment.moment, name="moment"),
]

tag_urls = [
    path("", tags.tags, name="tags"),
    path("<slug:name>/", tags.tag, name="tag"),
]

today_urls = [
    path("", today.today, name="today"),
    re_path(rf"^(?P<month>{_two})-(?P<day>{_two})/$", today.day_of_year, name="day-of-year"),
]

star_urls = [
    path("", stars.sky, name="stars"),
    path("faint.svg", stars.faint, name="faint-stars"),
    path("packed", stars.packed, name="packed-stars"),
    re_path(r"^(?P<hip>[1-9][0-9]{0,5})/$", stars.one_star, name="star"),
]

urlpatterns = [
    path("", home.home, name="home"),
    path("timeline/", include(period_urls)),
    path("moments/", include(moment_urls)),
    path("tags/", include(tag_urls)),
    path("@<slug:handle>/", profile.profile, name="profile"),
    path("today/", include(today_urls)),
    path("stars/", include(star_urls)),
    path("api/", include("timeline.api.urls")),
]
