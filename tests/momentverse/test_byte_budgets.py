"""Every public page keeps its byte budget, found from the URL map; what it costs is counted right."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command
from django.http import HttpResponse
from django.urls import include, path

from momentverse import byte_budgets
from momentverse import urls as site
from momentverse.byte_budgets import measure

# What no link of a visitor's page leads to, by how its route begins, with the reason.
NOT_REACHED = {
    "moments/<id:pk>/": "redirects to the address with the slug; or its owner's",
    "claim/<id:pk>/": "of somebody who has claimed",
    "orders/": "of somebody who has claimed",
    "payments/": "of somebody who pays",
    "accounts/confirm-email/": "from a mail",
    "accounts/password/reset/key/": "from a mail",
    "api/": "is no page",
    "embed/": "from pages of others, in a frame",
    "pictures/": "is no page",
    "sitemap-": "from the index of sitemaps",
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
    """Return a URL map: the site's own, and one more page."""
    patterns = [path("extra/", lambda request: HttpResponse(html)), *site.urlpatterns]

    class Urls:
        urlpatterns = patterns
        handler404, handler500 = site.handler404, site.handler500

    return Urls


def page_at(address):
    (page,) = [page for page in measure().pages if page.address == address]
    return page


def test_it_works(timeline):
    """HTML with its CSS within 14 kB, scripts before interaction within 10 kB, on every page there is."""
    found = measure()
    assert {page.address: page.problems for page in found.pages if page.problems} == {}
    routes = {page.route for page in found.pages}
    assert {"", "timeline/", "tags/<slug:name>/", "@<slug:handle>/", "accounts/login/"} <= routes
    assert "moments/<id:pk>/<str:slug>/" in routes


def test_no_page_is_forgotten(timeline):
    """A route that a visitor can read is reached from another page, or is named above."""
    not_reached = measure().not_reached
    assert [route for route in not_reached if not route.startswith(tuple(NOT_REACHED))] == []


def test_the_command_shows_a_table(timeline):
    out = io.StringIO()
    call_command("byte_budgets", stdout=out)
    assert "/timeline/" in out.getvalue()
    assert "pages keep their limits." in out.getvalue()


@pytest.mark.django_db
def test_a_page_too_many_bytes_is_an_error(settings):
    noise = "".join(f"<p>{number**9}" for number in range(3000))
    settings.ROOT_URLCONF = extra(noise)
    page = page_at("/extra/")
    assert page.first_view > byte_budgets.FIRST_VIEW_LIMIT
    assert page.html.raw == len(noise)
    assert len(page.problems) == 1
    out = io.StringIO()
    with pytest.raises(CommandError, match="1 of"):
        call_command("byte_budgets", stdout=out)
    (line,) = [line for line in out.getvalue().splitlines() if line.startswith("/extra/")]
    assert "ERROR HTML with CSS" in line


@pytest.mark.django_db
def test_near_the_limit_is_a_warning(settings, monkeypatch):
    settings.ROOT_URLCONF = extra("<p>hello")
    size = page_at("/extra/").first_view
    monkeypatch.setattr(byte_budgets, "FIRST_VIEW_LIMIT", size)
    page = page_at("/extra/")
    assert page.problems == []
    assert page.warnings == [f"HTML with CSS {size} B, allowed {size}"]


@pytest.mark.django_db
def test_styles_scripts_and_what_these_import_are_counted_once(settings, tmp_path):
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
def test_a_page_of_a_route_with_arguments_is_found_by_a_link(settings):
    urls = extra(
        '<a href="/numbers/7/#top">seven</a> <a href="//elsewhere.example/numbers/8/">eight</a>'
    )
    urls.urlpatterns = [
        urls.urlpatterns[0],
        path("numbers/<int:number>/", lambda request, number: HttpResponse(f"{number}")),
        path("alone/<int:number>/", lambda request, number: HttpResponse(f"{number}")),
    ]
    settings.ROOT_URLCONF = urls
    found = measure()
    addresses = {page.route: page.address for page in found.pages}
    assert addresses["numbers/<int:number>/"] == "/numbers/7/"
    assert found.not_reached == ["alone/<int:number>/"]
