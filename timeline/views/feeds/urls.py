"""URLs of the feeds, calendars, sitemaps, oEmbed and cards. They are included at the root."""

from django.urls import path, re_path

from timeline.views.feeds import atom, calendars, embed, oembed, sitemaps

_TWO_DIGITS = r"[0-9]{2}"
_YEAR = r"^sitemap-(?P<year>[0-9]{4})"

urlpatterns = [
    path("feed.atom", atom.timeline_feed, name="feed"),
    path("tags/<slug:name>/feed.atom", atom.tag_feed, name="tag-feed"),
    path("@<slug:handle>/feed.atom", atom.profile_feed, name="profile-feed"),
    path("@<slug:handle>/calendar.ics", calendars.profile_calendar, name="profile-calendar"),
    path("moments/<id:pk>/calendar.ics", calendars.moment_calendar, name="moment-calendar"),
    path("oembed", oembed.oembed, name="oembed"),
    path("embed/<id:pk>/", embed.card, name="embed"),
    path("sitemap.xml", sitemaps.index, name="sitemap"),
    path("sitemap-pages.xml", sitemaps.pages, name="sitemap-pages"),
    re_path(
        r"^sitemap-century-(?P<number>[1-9][0-9]?|100)\.xml$",
        sitemaps.century,
        name="sitemap-century",
    ),
    re_path(rf"{_YEAR}\.xml$", sitemaps.calendar_period, name="sitemap-year"),
    re_path(
        rf"{_YEAR}-(?P<month>{_TWO_DIGITS})\.xml$", sitemaps.calendar_period, name="sitemap-month"
    ),
    re_path(
        rf"{_YEAR}-(?P<month>{_TWO_DIGITS})-(?P<day>{_TWO_DIGITS})\.xml$",
        sitemaps.calendar_period,
        name="sitemap-day",
    ),
    re_path(
        rf"{_YEAR}-(?P<month>{_TWO_DIGITS})-(?P<day>{_TWO_DIGITS})-(?P<hour>{_TWO_DIGITS})\.xml$",
        sitemaps.calendar_period,
        name="sitemap-hour",
    ),
]
