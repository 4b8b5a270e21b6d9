"""The timeline's URLs, grouped by what they act on."""

from django.conf import settings
from django.urls import include, path, re_path, register_converter

from timeline.core.public_ids import PublicIdConverter
from timeline.stars import views as stars
from timeline.views import home, styleguide
from timeline.views.browse import newest, on_this_day, periods, profiles, search, tags, trending
from timeline.views.claims import choose, details, timezones
from timeline.views.moments import detail, edit, likes, mine, picture, picture_files, report
from timeline.views.payments import checkout as payment
from timeline.views.payments import orders

register_converter(PublicIdConverter, "id")

app_name = "timeline"

_TWO_DIGITS = r"[0-9]{2}"

period_urls = [
    path("", newest.newest, name="newest"),
    path("centuries/", periods.centuries, name="centuries"),
    re_path(r"^centuries/(?P<number>[1-9][0-9]{0,2})/$", periods.century, name="century"),
    re_path(r"^(?P<year>[0-9]{4})/$", periods.calendar_period, name="year"),
    re_path(
        rf"^(?P<year>[0-9]{{4}})/(?P<month>{_TWO_DIGITS})/$", periods.calendar_period, name="month"
    ),
    re_path(
        rf"^(?P<year>[0-9]{{4}})/(?P<month>{_TWO_DIGITS})/(?P<day>{_TWO_DIGITS})/$",
        periods.calendar_period,
        name="day",
    ),
    re_path(
        rf"^(?P<year>[0-9]{{4}})/(?P<month>{_TWO_DIGITS})/(?P<day>{_TWO_DIGITS})/(?P<hour>{_TWO_DIGITS})/$",
        periods.calendar_period,
        name="hour",
    ),
]

moment_urls = [
    path("mine/", mine.my_moments, name="mine"),
    path("<id:pk>/", detail.moment_detail, name="moment-short"),
    path("<id:pk>/edit/", edit.edit_moment, name="moment-edit"),
    path("<id:pk>/like/", likes.like_moment, name="moment-like"),
    path("<id:pk>/report/", report.report_moment, name="report"),
    path("<id:pk>/picture/", picture.edit_picture, name="moment-picture"),
    path("<id:pk>/<str:slug>/", detail.moment_detail, name="moment"),
]

tag_urls = [
    path("", tags.tag_list, name="tags"),
    path("<slug:name>/", tags.tag_detail, name="tag"),
]

today_urls = [
    path("", on_this_day.today, name="today"),
    re_path(
        rf"^(?P<month>{_TWO_DIGITS})-(?P<day>{_TWO_DIGITS})/$",
        on_this_day.day_of_year,
        name="day-of-year",
    ),
]

claim_urls = [
    path("", choose.choose, name="claim-choose"),
    path("clocks/", timezones.list_timezones, name="claim-clocks"),
    path("hold/", choose.hold, name="claim-hold"),
    path("continue/", choose.resume, name="claim-continue"),
    path("<id:pk>/", details.details, name="claim"),
    path("<id:pk>/extend/", details.extend, name="claim-extend"),
    path("<id:pk>/give-back/", details.give_back, name="claim-give-back"),
    path("<id:pk>/review/", details.review, name="claim-review"),
    path("<id:pk>/pay/", payment.pay, name="claim-pay"),
    path("<id:pk>/call-off/", payment.cancel, name="claim-call-off"),
    path("<id:pk>/done/", payment.done, name="claim-done"),
]

order_urls = [
    path("", orders.order_list, name="orders"),
    path("<id:pk>/", orders.order_detail, name="order"),
]

# The providers' webhooks, and the pages of the sandbox provider.
payment_urls = [
    path("stripe/", include("timeline.views.payments.stripe")),
    path("sandbox/", include("timeline.views.payments.urls")),
]

star_urls = [
    path("", stars.sky, name="stars"),
    path("faint.svg", stars.faint_stars, name="faint-stars"),
    path("packed", stars.packed_stars, name="packed-stars"),
    re_path(r"^(?P<hip>[1-9][0-9]{0,5})/$", stars.star_detail, name="star"),
]

urlpatterns = [
    path("", home.home, name="home"),
    path("", include("timeline.views.feeds.urls")),
    path("timeline/", include(period_urls)),
    path("moments/", include(moment_urls)),
    path(
        "pictures/<id:pk>/<slug:token>/<int:width>.<slug:extension>",
        picture_files.serve_picture,
        name="picture-file",
    ),
    path("tags/", include(tag_urls)),
    path("search/", search.search, name="search"),
    path("trending/", trending.trending, name="trending"),
    path("@<slug:handle>/", profiles.profile, name="profile"),
    path("today/", include(today_urls)),
    path("claim/", include(claim_urls)),
    path("orders/", include(order_urls)),
    path("payments/", include(payment_urls)),
    path("stars/", include(star_urls)),
    path("api/", include("timeline.views.api.urls")),
]

if settings.DEBUG:
    urlpatterns.append(path("styleguide/", styleguide.styleguide, name="styleguide"))
