"""Every public page keeps its byte budget, and the budgets are measured correctly."""

from __future__ import annotations

import io

import pytest
from django.http import HttpResponse
from django.urls import include, path

from momentverse import urls as site
from tests import budgets
from tests.budgets import measure
from tests.budgets.__main__ import main

# Routes that no link on a visitor's page leads to, by their prefix, with the reason.
UNREACHED = {
    "moments/<id:pk>/": "redirects to the address with the slug, or belongs to the moment's owner",
    "claim/<id:pk>/": "only for the person who has made the claim",
    "orders/": "only for the person who has made the claim",
    "payments/": "only for the person who pays",
    "accounts/confirm-email/": "linked from a mail",
    "accounts/password/reset/key/": "linked from a mail",
    "api/": "not a page",
    "embed/": "shown in frames on other sites",
    "pictures/": "not a page",
    "sitemap-": "linked from the index of sitemaps",
}
STORY = "It was a clear night, and everybody who was there remembers where they stood. " * 6


@pytest.fixture
def timeline(many_tagged, owner):
    """More than a page of moments, with all that a person may write."""
    owner.bio = "Looks up." * 20
    owner.save()
    evening = [
        (
            f"1969-07-20T20:{number:02}:00Z",
            ["moon", f"tag-number-{number}"],
            {
                "title": f"The {number}th minute of an evening that all the world was watching",
                "place": "Tranquility Base, the Moon",
                "story": f"{STORY}{number}",
            },
        )
        for number in range(60)
    ]
    years = [
        (
            f"{year}-07-{year % 28 + 1:02}T20:17:40Z",
            ["moon"],
            {"title": f"One of the evenings of {year}"},
        )
        for year in [*range(1901, 1969), *range(1970, 2001)]
    ]
    many_tagged(evening + years)


def extra(html):
    """Return the site's URL map with one more page."""
    patterns = [path("extra/", lambda request: HttpResponse(html)), *site.urlpatterns]

    class Urls:
        urlpatterns = patterns
        handler404, handler500 = site.handler404, site.handler500

    return Urls


def page_at(address):
    (page,) = [page for page in measure().pages if page.address == address]
    return page


def test_every_public_page_keeps_its_budget(timeline):
    """HTML with its CSS within 14 kB, scripts before interaction within 10 kB, on every page there is."""
    report = measure()
    assert {page.address: page.problems for page in report.pages if page.problems} == {}
    routes = {page.route for page in report.pages}
    assert {"", "timeline/", "tags/<slug:name>/", "@<slug:handle>/", "accounts/login/"} <= routes
    assert "moments/<id:pk>/<str:slug>/" in routes


def test_every_route_is_reached_or_listed(timeline):
    """Every route that a visitor can read is linked from another page, or is listed above."""
    unreached = measure().unreached
    assert [route for route in unreached if not route.startswith(tuple(UNREACHED))] == []


def test_main_prints_a_table(timeline):
    out = io.StringIO()
    assert main(out) == 0
    assert "/timeline/" in out.getvalue()
    assert "pages keep their limits." in out.getvalue()


@pytest.mark.django_db
def test_a_page_over_its_budget_is_an_error(settings):
    noise = "".join(f"<p>{number**9}" for number in range(3000))
    settings.ROOT_URLCONF = extra(noise)
    page = page_at("/extra/")
    assert page.first_view > budgets.FIRST_VIEW_LIMIT
    assert page.html.raw == len(noise)
    assert len(page.problems) == 1
    out = io.StringIO()
    assert main(out) == 1
    assert "\n1 of " in out.getvalue()
    (line,) = [line for line in out.getvalue().splitlines() if line.startswith("/extra/")]
    assert "ERROR HTML with CSS" in line


@pytest.mark.django_db
def test_a_page_near_its_budget_is_a_warning(settings, monkeypatch):
    settings.ROOT_URLCONF = extra("<p>hello")
    size = page_at("/extra/").first_view
    monkeypatch.setattr(budgets, "FIRST_VIEW_LIMIT", size)
    page = page_at("/extra/")
    assert page.problems == []
    assert page.warnings == [f"HTML with CSS {size} B, allowed {size}"]


@pytest.mark.django_db
def test_styles_scripts_and_imported_modules_are_counted_once(settings, tmp_path):
    files = {
        "a.css": "p { color: red }",
        "one.js": 'import { two } from "./parts/two.js";\nimport("./later.js");\ntwo();',
        "parts/two.js": 'import "../three.js";\nexport function two() {}',
        "three.js": "export const three = 3;",
        "seen.js": "1;",
        "later.js": "// " + "x" * 5000,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    settings.STATICFILES_DIRS = [tmp_path]
    settings.ROOT_URLCONF = extra(
        '<link rel="stylesheet" href="/static/a.css"><script type="module" src="/static/one.js"></script>'
        '<script data-after-paint="/static/seen.js"></script><script data-after-paint=""></script>'
        '<link rel="modulepreload" href="/static/three.js"><img src="/static/a.css">'
        '<img loading="lazy" src="/static/later.js">'
    )
    site_only = [path("", include(settings.ROOT_URLCONF.urlpatterns[:1]))]
    settings.ROOT_URLCONF.urlpatterns = site_only
    page = page_at("/extra/")
    assert page.css.raw == len(files["a.css"])
    assert page.scripts.raw == sum(
        len(files[name]) for name in ("one.js", "parts/two.js", "three.js", "seen.js")
    )
    assert page.images.raw == len(files["a.css"])
    assert 0 < page.scripts.sent <= page.scripts.raw


@pytest.mark.django_db
def test_a_route_with_arguments_is_found_through_a_link(settings):
    urls = extra(
        '<a href="/numbers/7/#top">seven</a> <a href="//elsewhere.example/numbers/8/">eight</a>'
    )
    urls.urlpatterns = [
        urls.urlpatterns[0],
        path("numbers/<int:number>/", lambda request, number: HttpResponse(f"{number}")),
        path("alone/<int:number>/", lambda request, number: HttpResponse(f"{number}")),
    ]
    settings.ROOT_URLCONF = urls
    report = measure()
    addresses = {page.route: page.address for page in report.pages}
    assert addresses["numbers/<int:number>/"] == "/numbers/7/"
    assert report.unreached == ["alone/<int:number>/"]
