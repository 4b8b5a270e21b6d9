"""Two people and visitors, in turns, at every address of the site: nobody gets what is another's (EDGE_CASES 16)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, get_resolver, reverse

from accounts.models import User
from tests.momentverse.front import Answer, Visitor, new_front
from timeline.models import Visibility

pytestmark = pytest.mark.django_db

# What an address may hold, by the name of its part.
SAMPLES = {
    "number": "20", "year": "1969", "month": "07", "day": "20", "hour": "20", "name": "moon",
    "handle": "ada", "slug": "secret-of-ada",
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
    return [*dict.fromkeys(found), "/timeline/?before=2100-01-01", "/@bob/"]


class Person(Visitor):
    """A visitor who is logged in, and who knows words that only they may see."""

    def __init__(self, application: Any, user: User) -> None:
        client = Client()
        client.force_login(user)
        assert client.session[SESSION_KEY] == str(user.pk)
        super().__init__(application, cookie=f"session={client.cookies['session'].value}")


@pytest.fixture
def people(front, make_moment, settings):
    """Ada and Bob, each with an e-mail address and a private moment that name a canary."""
    settings.ROOT_URLCONF = "momentverse.urls"
    application = new_front()
    found = {}
    for number, handle in enumerate(("ada", "bob")):
        user = User.objects.create_user(f"canary-{handle}@example.org", handle, is_staff=True)
        user.is_superuser = True
        user.save()
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
    for handle, (person, moment) in found.items():
        assert f"canary-{handle}" in person.get("/timeline/").text
        assert person.get(moment.get_absolute_url()).status == 200
        assert f"canary-{handle}" in person.get("/accounts/").text
    assert len(addresses(found["ada"][1])) > 50


def test_nobody_gets_what_is_anothers(people):
    application, found = people
    (ada, of_ada), (bob, _) = found["ada"], found["bob"]
    for address in addresses(of_ada):
        if address.startswith("/admin/") or "logout" in address:
            continue  # staff sees everybody there; and both are to stay
        own, before, other, after = (
            who.get(address) for who in (ada, Visitor(application), bob, Visitor(application))
        )
        assert "canary-bob" not in own.text, address
        assert "canary-ada" not in other.text, address
        for visitor in (before, after):
            assert "canary" not in visitor.text, address
        for signed_in in (own, other):
            assert is_for_one(signed_in), address
        if "Age" in before.headers:
            assert before.body == after.body, address
            assert "Set-Cookie" not in after.headers, address
            assert "csrf" not in after.text.lower(), address


def is_for_one(answer: Answer) -> bool:
    return (
        "no-store" in answer.headers["Cache-Control"]
        and "Age" not in answer.headers
        or answer.headers["Cache-Control"].startswith("max-age")  # a redirect to a static file
        or answer.headers["Cache-Control"].startswith("public") is False
    )
