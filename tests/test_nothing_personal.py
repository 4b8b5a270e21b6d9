"""Two people and visitors, in turns, at every address: nobody gets what is another's (edge case 16)."""

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

# What an address may hold, by the name of its part.
SAMPLES = {
    "number": "20", "year": "1969", "month": "07", "day": "20", "hour": "20", "name": "moon",
    "handle": "cleo", "slug": "secret",
}  # fmt: skip


def patterns(resolver: Any, namespace: str = "", names: tuple[str, ...] = ()) -> Iterator[Any]:
    """Yield ``(view name, names of its parts)`` for every address of the site."""
    for entry in resolver.url_patterns:
        pattern = entry.pattern
        own = list(getattr(pattern, "converters", {})) or list(pattern.regex.groupindex)
        if not isinstance(entry, URLPattern):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from patterns(entry, inner, (*names, *own))
        elif entry.name:
            yield f"{namespace}{entry.name}", (*names, *own)


def addresses(moment: Any) -> list[str]:
    """Return an address for every name that the samples can fill in."""
    samples = SAMPLES | {"pk": moment.pk, "public_id": moment.public_id, "object_id": moment.pk}
    found = []
    for name, parts in patterns(get_resolver()):
        if set(parts) <= set(samples):
            try:
                found.append(reverse(name, kwargs={part: samples[part] for part in parts}))
            except NoReverseMatch:  # a part that wants another kind of sample
                continue
    return [*dict.fromkeys(found), "/timeline/?before=2100-01-01", "/@dora/"]


class Person(WSGIClient):
    """A visitor who is logged in, and who knows words that only they may see."""

    def __init__(self, application: Any, user: User) -> None:
        client = Client()
        client.force_login(user)
        assert client.session[SESSION_KEY] == str(user.pk)
        super().__init__(application, cookie=f"session={client.cookies['session'].value}")


@pytest.fixture
def people(fresh_cache, make_moment):
    """Cleo and Dora, each with an e-mail address and a private moment that name a canary."""
    application = build_cached_site()
    found = {}
    for number, handle in enumerate(("cleo", "dora")):
        user = User.objects.create_user(f"canary-{handle}@example.org", handle)
        for hour, visibility in ((20, Visibility.PRIVATE), (21, Visibility.PUBLIC)):
            make_moment(
                f"1969-07-20T{hour}:0{number}:00Z",
                user=user,
                title=f"canary-{handle} {visibility}" if hour == 20 else f"Known of {handle}",
                visibility=visibility,
            )
        found[handle] = Person(application, user), user.moments.first()
    return application, found


def test_it_works(people):
    """What is looked for can be found: each sees their own canary."""
    _, found = people
    for handle, (person, _) in found.items():
        assert f"canary-{handle}" in person.get("/timeline/").text
        assert f"canary-{handle}" in person.get("/accounts/").text
    assert len(addresses(found["cleo"][1])) > 50


def test_nobody_gets_what_is_anothers(people):
    application, found = people
    (cleo, of_cleo), (dora, _) = found["cleo"], found["dora"]
    for address in addresses(of_cleo):
        if address.startswith("/admin/") or "logout" in address:
            continue  # staff sees everybody there; and both are to stay
        own, before, other, after = (
            who.get(address)
            for who in (cleo, WSGIClient(application), dora, WSGIClient(application))
        )
        assert "canary-dora" not in own.text, address
        assert "canary-cleo" not in other.text, address
        for visitor in (before, after):
            assert "canary" not in visitor.text, address
        for signed_in in (own, other):
            assert "no-store" in signed_in.headers["Cache-Control"], address
            assert "Age" not in signed_in.headers, address
        if "Age" in before.headers:
            assert before.body == after.body, address
            assert "Set-Cookie" not in after.headers, address
            assert "csrf" not in after.text.lower(), address
