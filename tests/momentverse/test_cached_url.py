"""``{% url %}`` from the cache gives the addresses that Django gives."""

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
    """Counts how often Django looks an address up."""
    calls = []
    render = URLNode.render

    def counted(self, context):
        calls.append(self)
        return render(self, context)

    monkeypatch.setattr(URLNode, "render", counted)
    return calls


def rendered(source, request=None, **context):
    return engines["django"].from_string(source).render(context, request)


@pytest.mark.parametrize(
    ("source", "context", "address"),
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
def test_address_is_djangos(rf, source, context, address):
    for request in (None, rf.get("/")):
        assert rendered(source, request, **context) == address
        assert rendered(source, request, **context) == address


def test_address_is_looked_up_once(rf, lookups):
    for name in ["moon", "moon", "eagle", "moon"]:
        rendered("{% url 'timeline:tag' name %}", rf.get("/"), name=name)
    assert len(lookups) == 2


def test_missing_route_or_argument_raises():
    for source in ("{% url 'timeline:nowhere' %}", "{% url 'timeline:tag' name %}"):
        for _ in range(2):
            with pytest.raises(NoReverseMatch):
                rendered(source)


def test_prefix_and_url_map_are_part_of_the_key():
    class OtherUrls:
        urlpatterns = [path("elsewhere/", HttpResponse, name="manifest")]

    assert rendered("{% url 'manifest' %}") == "/manifest.webmanifest"
    set_script_prefix("/below/")
    assert rendered("{% url 'manifest' %}") == "/below/manifest.webmanifest"
    set_urlconf(OtherUrls)
    assert rendered("{% url 'manifest' %}") == "/below/elsewhere/"


def test_ampersand_in_an_address_is_escaped_once(settings):
    class Urls:
        urlpatterns = [path("a&b/<slug:name>/", HttpResponse, name="both")]

    settings.ROOT_URLCONF = Urls
    set_urlconf(Urls)
    for _ in range(2):
        assert rendered("{% url 'both' 'x' %}") == "/a&amp;b/x/"


def test_cache_is_bounded(monkeypatch, lookups):
    monkeypatch.setattr(cached_url, "MAX_CACHED", 3)
    for number in range(10):
        rendered("{% url 'timeline:tag' name %}", name=f"tag-{number}")
    ((_, addresses),) = cached_url._caches.items()
    assert len(addresses) <= 3
