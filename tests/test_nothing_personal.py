"""Two users and visitors request every URL in turn: nobody gets data of another user (edge case 16)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, get_resolver, reverse

from accounts.models import User
from tests.support.wsgi_client import WSGIClient, build_cached_site
from timeline.models import Visibility

pytestmark = pytest.mark.django_db

# A sample value for each URL parameter.
SAMPLES = {
    "number": "20", "year": "1969", "month": "07", "day": "20", "hour": "20", "name": "moon",
    "handle": "cleo", "slug": "secret",
}  # fmt: skip


def list_patterns(
    resolver: Any, namespace: str = "", parameters: tuple[str, ...] = ()
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield ``(view name, names of its URL parameters)`` for every URL of the site."""
    for entry in resolver.url_patterns:
        pattern = entry.pattern
        own = list(getattr(pattern, "converters", {})) or list(pattern.regex.groupindex)
        if not isinstance(entry, URLPattern):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from list_patterns(entry, inner, (*parameters, *own))
        elif entry.name:
            yield f"{namespace}{entry.name}", (*parameters, *own)


def list_urls(moment: Any) -> list[str]:
    """Return a URL for every view name whose parameters have sample values."""
    samples = SAMPLES | {"pk": moment.pk, "public_id": moment.public_id, "object_id": moment.pk}
    urls = []
    for name, parameters in list_patterns(get_resolver()):
        if set(parameters) <= set(samples):
            try:
                kwargs = {parameter: samples[parameter] for parameter in parameters}
                urls.append(reverse(name, kwargs=kwargs))
            except NoReverseMatch:  # the parameter needs another kind of value
                continue
    return [*dict.fromkeys(urls), "/timeline/?before=2100-01-01", "/@dora/"]


class UserClient(WSGIClient):
    """A client with the session of a user."""

    def __init__(self, application: Any, user: User) -> None:
        client = Client()
        client.force_login(user)
        assert client.session[SESSION_KEY] == str(user.pk)
        super().__init__(application, cookie=f"session={client.cookies['session'].value}")


@pytest.fixture
def site(fresh_cache, make_moment):
    """The site, and Cleo and Dora: each has an e-mail address and a private moment with a canary.

    Returns the application, and by handle a client and a private moment.
    """
    application = build_cached_site()
    users = {}
    for number, handle in enumerate(("cleo", "dora")):
        user = User.objects.create_user(f"canary-{handle}@example.org", handle)
        for hour, visibility in ((20, Visibility.PRIVATE), (21, Visibility.PUBLIC)):
            make_moment(
                f"1969-07-20T{hour}:0{number}:00Z",
                user=user,
                title=f"canary-{handle} {visibility}" if hour == 20 else f"Known of {handle}",
                visibility=visibility,
            )
        users[handle] = UserClient(application, user), user.moments.first()
    return application, users


def test_it_works(site):
    """The canaries can be found: each user sees their own."""
    _, users = site
    for handle, (client, _) in users.items():
        assert f"canary-{handle}" in client.get("/timeline/").text
        assert f"canary-{handle}" in client.get("/accounts/").text
    assert len(list_urls(users["cleo"][1])) > 50


def test_nobody_gets_data_of_another_user(site):
    application, users = site
    (cleo, moment_of_cleo), (dora, _) = users["cleo"], users["dora"]
    for url in list_urls(moment_of_cleo):
        if url.startswith("/admin/") or "logout" in url:
            continue  # staff see everybody's data in the admin; and both users must stay logged in
        own, before, other, after = (
            client.get(url)
            for client in (cleo, WSGIClient(application), dora, WSGIClient(application))
        )
        assert "canary-dora" not in own.text, url
        assert "canary-cleo" not in other.text, url
        for visitor in (before, after):
            assert "canary" not in visitor.text, url
        for signed_in in (own, other):
            assert "no-store" in signed_in.headers["Cache-Control"], url
            assert "Age" not in signed_in.headers, url
        if "Age" in before.headers:
            assert before.body == after.body, url
            assert "Set-Cookie" not in after.headers, url
            assert "csrf" not in after.text.lower(), url
