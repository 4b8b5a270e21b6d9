"""The cached ``{% url %}`` returns the same URLs as Django's."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.template import engines
from django.template.defaulttags import URLNode
from django.urls import NoReverseMatch, path, set_script_prefix, set_urlconf

from momentverse.templatetags import cached_url


@pytest.fixture(autouse=True)
def _empty_cache(monkeypatch):
    cached_url._caches.clear()
    yield
    cached_url._caches.clear()
    set_script_prefix("/")
    set_urlconf(None)


@pytest.fixture
def lookups(monkeypatch):
    """The calls of Django's own ``{% url %}``."""
    calls = []
    original = URLNode.render

    def count_and_render(self, context):
        calls.append(self)
        return original(self, context)

    monkeypatch.setattr(URLNode, "render", count_and_render)
    return calls


def render(source, request=None, **context):
    return engines["django"].from_string(source).render(context, request)


@pytest.mark.parametrize(
    ("source", "context", "url"),
    [
        ("{% url 'timeline:home' %}", {}, "/"),
        ("{% url 'timeline:tag' name %}", {"name": "moon"}, "/tags/moon/"),
        ("{% url 'timeline:star' 11767 %}", {}, "/stars/11767/"),
        ("{% url 'timeline:tag' name=name %}", {"name": "moon"}, "/tags/moon/"),
        ("{% url 'timeline:tag' 'moon' as tag %}-{{ tag }}", {}, "-/tags/moon/"),
        ("{% url view %}", {"view": "timeline:tags"}, "/tags/"),
        ("{% url 'admin:index' %}", {}, "/admin/"),
        ("{% autoescape off %}{% url 'timeline:tags' %}{% endautoescape %}", {}, "/tags/"),
    ],
)
def test_url_is_the_same_as_djangos(rf, source, context, url):
    for request in (None, rf.get("/")):
        assert render(source, request, **context) == url
        assert render(source, request, **context) == url


def test_url_is_reversed_once(rf, lookups):
    for name in ["moon", "moon", "eagle", "moon"]:
        render("{% url 'timeline:tag' name %}", rf.get("/"), name=name)
    assert len(lookups) == 2


def test_missing_route_or_argument_raises():
    for source in ("{% url 'timeline:nowhere' %}", "{% url 'timeline:tag' name %}"):
        for _ in range(2):
            with pytest.raises(NoReverseMatch):
                render(source)


def test_prefix_and_urlconf_are_part_of_the_key():
    class OtherUrls:
        urlpatterns = [path("elsewhere/", HttpResponse, name="manifest")]

    assert render("{% url 'manifest' %}") == "/manifest.webmanifest"
    set_script_prefix("/below/")
    assert render("{% url 'manifest' %}") == "/below/manifest.webmanifest"
    set_urlconf(OtherUrls)
    assert render("{% url 'manifest' %}") == "/below/elsewhere/"


def test_ampersand_is_escaped_once(settings):
    class Urls:
        urlpatterns = [path("a&b/<slug:name>/", HttpResponse, name="both")]

    settings.ROOT_URLCONF = Urls
    set_urlconf(Urls)
    for _ in range(2):
        assert render("{% url 'both' 'x' %}") == "/a&amp;b/x/"


def test_cache_is_bounded(monkeypatch, lookups):
    monkeypatch.setattr(cached_url, "MAX_CACHED_URLS", 3)
    for number in range(10):
        render("{% url 'timeline:tag' name %}", name=f"tag-{number}")
    ((_, urls),) = cached_url._caches.items()
    assert len(urls) <= 3
