"""The timeline's routes, by what they act on."""

from django.conf import settings
from django.urls import include, path, re_path, register_converter

from timeline.pages import (
    claim,
    claim_choose,
    clocks,
    edit,
    home,
    likes,
    mine,
    moment,
    newest,
    period,
    picture,
    picture_files,
    profile,
    report,
    search,
    stars,
    styleguide,
    tags,
    today,
    trending,
)
from timeline.payments import orders
from timeline.payments import pages as payment
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
    path("mine/", mine.mine, name="mine"),
    path("<id:pk>/", moment.moment, name="moment-short"),
    path("<id:pk>/edit/", edit.edit, name="moment-edit"),
    path("<id:pk>/like/", likes.like, name="moment-like"),
    path("<id:pk>/report/", report.report, name="report"),
    path("<id:pk>/picture/", picture.picture, name="moment-picture"),
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

claim_urls = [
    path("", claim_choose.choose, name="claim-choose"),
    path("clocks/", clocks.clocks, name="claim-clocks"),
    path("hold/", claim_choose.hold, name="claim-hold"),
    path("continue/", claim_choose.go_on, name="claim-continue"),
    path("<id:pk>/", claim.details, name="claim"),
    path("<id:pk>/extend/", claim.extend, name="claim-extend"),
    path("<id:pk>/give-back/", claim.give_back, name="claim-give-back"),
    path("<id:pk>/review/", claim.review, name="claim-review"),
    path("<id:pk>/pay/", payment.pay, name="claim-pay"),
    path("<id:pk>/call-off/", payment.call_off, name="claim-call-off"),
    path("<id:pk>/done/", payment.done, name="claim-done"),
]

order_urls = [
    path("", orders.orders, name="orders"),
    path("<id:pk>/", orders.order, name="order"),
]

# Where the providers' own pages are, and where they send their messages.
payment_urls = [
    path("stripe/", include("timeline.payments.providers.stripe.urls")),
    path("sandbox/", include("timeline.payments.providers.sandbox.urls")),
]

star_urls = [
    path("", stars.sky, name="stars"),
    path("faint.svg", stars.faint, name="faint-stars"),
    path("packed", stars.packed, name="packed-stars"),
    re_path(r"^(?P<hip>[1-9][0-9]{0,5})/$", stars.one_star, name="star"),
]

urlpatterns = [
    path("", home.home, name="home"),
    path("", include("timeline.feeds.urls")),
    path("timeline/", include(period_urls)),
    path("moments/", include(moment_urls)),
    path(
        "pictures/<id:pk>/<slug:token>/<int:width>.<slug:ending>",
        picture_files.picture_file,
        name="picture-file",
    ),
    path("tags/", include(tag_urls)),
    path("search/", search.search, name="search"),
    path("trending/", trending.trending, name="trending"),
    path("@<slug:handle>/", profile.profile, name="profile"),
    path("today/", include(today_urls)),
    path("claim/", include(claim_urls)),
    path("orders/", include(order_urls)),
    path("payments/", include(payment_urls)),
    path("stars/", include(star_urls)),
    path("api/", include("timeline.api.urls")),
]

if settings.DEBUG:
    urlpatterns.append(path("styleguide/", styleguide.styleguide, name="styleguide"))
