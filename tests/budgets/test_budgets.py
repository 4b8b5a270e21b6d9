"""Every public page keeps its byte budget, and the budgets are measured correctly."""

from __future__ import annotations

import io

import pytest
from django.http import HttpResponse
from django.urls import path

from momentverse import urls as site
from tests import budgets
from tests.budgets import measure
from tests.budgets.__main__ import main

# Prefixes of the routes that no link on a visitor's page leads to, with the reason.
UNLINKED = {
    "moments/<id:pk>/": "redirects to the address with the slug, or belongs to the moment's owner",
    "claim/<id:pk>/": "only for the user who made the claim",
    "orders/": "only for the user who made the claim",
    "payments/": "only for the user who pays",
    "accounts/confirm-email/": "linked from a mail",
    "accounts/password/reset/key/": "linked from a mail",
    "api/": "not a page",
    "embed/": "shown in frames on other sites",
    "pictures/": "not a page",
    "sitemap-": "linked from the index of sitemaps",
}
STORY = "It was a clear night, and everybody who was there remembers where they stood. " * 6


@pytest.fixture
def timeline(make_tagged_moments, owner):
    """More than one page of moments, with every text that a user can write."""
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
    make_tagged_moments(evening + years)


def build_urls(html):
    """Return a URL map whose only page is ``/extra/``."""

    class Urls:
        urlpatterns = [path("extra/", lambda request: HttpResponse(html))]
        handler404, handler500 = site.handler404, site.handler500

    return Urls


def measure_page(address):
    (page,) = [page for page in measure().pages if page.address == address]
    return page


def test_every_public_page_keeps_its_budget(timeline):
    """HTML with its CSS takes at most 14 kB, and scripts before interaction at most 10 kB, on every page."""
    report = measure()
    assert {page.address: page.problems for page in report.pages if page.problems} == {}
    routes = {page.route for page in report.pages}
    assert {"", "timeline/", "tags/<slug:name>/", "@<slug:handle>/", "accounts/login/"} <= routes
    assert "moments/<id:pk>/<str:slug>/" in routes


def test_every_route_is_linked_or_listed(timeline):
    """Every route is linked from a page that visitors can read, or is listed above with a reason."""
    unreached = measure().unreached
    assert [route for route in unreached if not route.startswith(tuple(UNLINKED))] == []


def test_main_prints_a_table(timeline):
    out = io.StringIO()
    assert main(out) == 0
    assert "/timeline/" in out.getvalue()
    assert "pages keep their limits." in out.getvalue()


@pytest.mark.django_db
def test_page_over_its_budget_is_an_error(settings):
    noise = "".join(f"<p>{number**9}" for number in range(3000))
    settings.ROOT_URLCONF = build_urls(noise)
    page = measure_page("/extra/")
    assert page.first_view > budgets.FIRST_VIEW_LIMIT
    assert page.html.raw == len(noise)
    assert len(page.problems) == 1
    out = io.StringIO()
    assert main(out) == 1
    assert "\n1 of " in out.getvalue()
    (row,) = [row for row in out.getvalue().splitlines() if row.startswith("/extra/")]
    assert "ERROR HTML with CSS" in row


@pytest.mark.django_db
def test_page_near_its_budget_is_a_warning(settings, monkeypatch):
    settings.ROOT_URLCONF = build_urls("<p>hello")
    size = measure_page("/extra/").first_view
    monkeypatch.setattr(budgets, "FIRST_VIEW_LIMIT", size)
    page = measure_page("/extra/")
    assert page.problems == []
    assert page.warnings == [f"HTML with CSS {size} B, allowed {size}"]


@pytest.mark.django_db
def test_styles_scripts_and_imported_modules_are_counted_once(settings, tmp_path):
    files = {
        "a.css": "p { color: red }",
        "one.js": 'import { two } from "./parts/two.js";\nimport("./later.js");\ntwo();',
        "parts/two.js": 'import "../three.js";\nexport function two() {}',
        "three.js": "export const three = 3;",
        "after-paint.js": "1;",
        "later.js": "// " + "x" * 5000,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    settings.STATICFILES_DIRS = [tmp_path]
    settings.ROOT_URLCONF = build_urls(
        '<link rel="stylesheet" href="/static/a.css"><script type="module" src="/static/one.js"></script>'
        '<script data-after-paint="/static/after-paint.js"></script><script data-after-paint=""></script>'
        '<link rel="modulepreload" href="/static/three.js"><img src="/static/a.css">'
        '<img loading="lazy" src="/static/later.js">'
    )
    page = measure_page("/extra/")
    assert page.css.raw == len(files["a.css"])
    assert page.scripts.raw == sum(
        len(files[name]) for name in ("one.js", "parts/two.js", "three.js", "after-paint.js")
    )
    assert page.images.raw == len(files["a.css"])
    assert 0 < page.scripts.sent <= page.scripts.raw


@pytest.mark.django_db
def test_route_with_arguments_is_found_through_a_link(settings):
    urls = build_urls(
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
