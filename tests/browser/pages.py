"""The public pages that every browser test looks at."""

PAGES = {
    "home": "/",
    "timeline": "/timeline/",
    "centuries": "/timeline/centuries/",
    "century": "/timeline/centuries/20/",
    "year": "/timeline/1969/",
    "month": "/timeline/1969/07/",
    "day": "/timeline/1969/07/20/",
    "hour": "/timeline/1969/07/20/20/",
    "empty year": "/timeline/1066/",
    "tags": "/tags/",
    "today": "/today/07-20/",
    "profile": "/@ada/",
    "stars": "/stars/",
    "star": "/stars/32349/",
    "not found": "/nowhere/",
}
