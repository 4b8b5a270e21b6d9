"""Hidden moments leak nowhere: a crawl over every route of the URL map (edge case 15 and edge case 16).

The hidden moments have words that occur nowhere else. The crawl searches for them
in every response, body and headers, that an anonymous visitor, a stranger and
the owner get. The routes are read from the URL map, so a new route is included
by itself. If it has an argument that ``get_samples`` has no value for, the test
fails with an explanation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import pytest
from django.conf import settings
from django.core.cache import caches
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, get_resolver

from accounts.models import User
from tests.support.picture_samples import build_exif, build_picture, encode_image
from timeline.core.public_ids import encode_id, random_id
from timeline.models import Moment, Picture, Report, Status, Visibility
from timeline.services import likes, moderation
from timeline.services.claims import details
from timeline.services.pictures import uploads

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("picture_storage")]

CANARY = "quoll"  # part of each word that must not leak
EMAIL = f"{CANARY}mail@example.org"
PASSWORD = "a perfectly long passphrase"
ARGUMENT = re.compile(r"<(?:\w+:)?(\w+)>")
LINK = re.compile(r'(?:href|src|action)="(/[^"#]*|\?[^"#]*)')
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="[^"]+"')
MAX_PAGES = 400
# Not requested with queries: staff pages, whose own tests check access, and pages that end the session.
NO_QUERIES = ("admin/", "accounts/", "claim/", "orders/", "health/", "payments/", "favicon")


@dataclass
class Hidden:
    """An owner's moments that others must not see, and one that is public."""

    owner: User
    shown: Moment
    moments: dict[str, Moment]  # by the word they contain
    former_tokens: list[str]  # in the addresses that pictures had before they were hidden

    @property
    def ids(self) -> set[str]:
        """The public ids that only the owner may see."""
        return {moment.public_id for moment in self.moments.values()}

    @cached_property
    def secrets(self) -> set[str]:
        """The ids, and the tokens and keys in the addresses of their pictures."""
        pictures = Picture.objects.filter(moment__in=list(self.moments.values()))
        unlisted = self.moments[f"{CANARY}unlisted"]
        tokens = {one.token for one in pictures if one.moment_id != unlisted.pk}
        return self.ids | tokens | {one.key for one in pictures}

    def allowed(self, address: str) -> set[str]:
        """Return the words that an address may show: those of an unlisted moment at its own address."""
        unlisted = self.moments[f"{CANARY}unlisted"]
        return {f"{CANARY}unlisted"} if unlisted.public_id in address else set()


@pytest.fixture
def hidden(make_tagged_moment, make_moment, stranger, django_capture_on_commit_callbacks):
    owner = User.objects.create_user(EMAIL, "numbat", PASSWORD, display_name="Numbat")
    owner.mark_email_verified()

    def make(minute: int, kind: str, **fields) -> Moment:
        word = f"{CANARY}{kind}"
        texts = {name: f"{word} {name}" for name in ("title", "story", "place", "source")}
        fields = {"user": owner, "external_id": word} | texts | fields
        return make_tagged_moment(f"1969-07-20T20:{minute:02}:00Z", f"{word}-tag", **fields)

    shown = make_tagged_moment("1969-07-20T20:00:00Z", "moon", user=owner, title="Shown")
    # Earlier versions of a public moment are for its owner only.
    details.edit_moment(
        shown, details.MomentDetails(title=f"{CANARY}earlier", story=f"{CANARY}earlier")
    )
    details.edit_moment(shown, details.MomentDetails(title="Shown", tags=("moon",)))
    later = {"held_until": "9999-01-01T00:00:00Z"}
    moments = [
        make(10, "private", visibility=Visibility.PRIVATE),
        make(20, "unlisted", visibility=Visibility.UNLISTED),
        make(30, "byus"),
        make(40, "revoked", status=Status.REVOKED, status_reason=f"{CANARY}reason"),
        make(41, "held", status=Status.HELD, **later),
        make(42, "paying", status=Status.PAYING, **later),
        make(43, "released", status=Status.RELEASED),
    ]
    words = [moment.title.split()[0] for moment in moments]
    former_tokens = []
    with django_capture_on_commit_callbacks(execute=True):
        for word, moment in zip([*words[:3], "shown"], [*moments[:3], shown], strict=True):
            picture = encode_image(
                build_picture(), exif=build_exif(), comment=f"{CANARY}comment".encode()
            )
            uploads.set_picture(moment, SimpleUploadedFile(f"{word}.jpg", picture), f"{word} alt")
    for picture in Picture.objects.select_related("moment"):
        picture.moment.visibility = Visibility.PUBLIC
        former_tokens.append(picture.token)
    likes.like(stranger, shown)
    likes.like(stranger, moments[0])  # while it was public, say
    moderation.report(shown, Report.Reason.SPAM, f"{CANARY}report", stranger)
    moderation.hide(moments[2], f"{CANARY}reason", staff=stranger)
    make_moment("1969-07-20T20:50:00Z", user=stranger, title="The stranger's")
    for moment in [*moments, shown]:
        moment.refresh_from_db()
    return Hidden(owner, shown, dict(zip(words, moments, strict=True)), former_tokens)


# Routes of the URL map


def iter_routes(resolver=None, above: str = "") -> Iterator[str]:
    """Yield every route as ``moments/<pk>/<slug>/``."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = above + strip_pattern(str(pattern.pattern))
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from iter_routes(pattern, route)


def strip_pattern(pattern: str) -> str:
    """Return a route or a regular expression with its arguments as ``<name>`` and no anchors."""
    pattern = re.sub(r"\(\?P<(\w+)>(?:[^()\[\]]|\[[^\]]*\])*\)", r"<\1>", pattern)
    return ARGUMENT.sub(r"<\1>", pattern).removeprefix("^").removesuffix("$")


def get_samples(hidden: Hidden) -> dict[str, list[str]]:
    """Return the values to try for each argument of a route."""
    ids = [hidden.shown.public_id, *sorted(hidden.ids)]
    return {
        "pk": ids,
        "public_id": ids,
        "slug": [f"{CANARY}private-title", "shown"],
        "name": ["moon", *(f"{word}-tag" for word in hidden.moments)],
        "handle": ["numbat", "bob"],
        "number": ["20"], "year": ["1969"], "month": ["07"], "day": ["20"], "hour": ["20"],
        "hip": ["32349"], "level": ["year", "day", "hour"],
        "session_id": [f"cs_{CANARY}"],
        "token": hidden.former_tokens, "width": ["400"], "extension": ["jpg"],
        "key": ["set-password"], "uidb36": ["1"],
        "object_id": [str(moment.pk) for moment in hidden.moments.values()][:1],
        "content_type_id": ["1"], "app_label": ["timeline"], "id": [str(hidden.owner.pk)],
        "url": ["nowhere/"],
    }  # fmt: skip


def build_addresses(hidden: Hidden) -> list[str]:
    """Return the addresses of every route, and of lists also with queries that lead near hidden moments."""
    values = get_samples(hidden)
    found = ["/nowhere/", "/moments/nothing/"]
    for route in iter_routes():
        names = ARGUMENT.findall(route)
        unknown = [name for name in names if name not in values]
        assert not unknown, (
            f"The leak test has no sample for <{unknown[0]}> of the route /{route}:"
            " add one to get_samples() in tests/timeline/test_leaks.py, so that the route is walked."
        )
        for chosen in product(*(values[name] for name in names)):
            address = "/" + route
            for name, value in zip(names, chosen, strict=True):
                address = address.replace(f"<{name}>", value, 1)
            found.append(address)
            if not route.startswith(NO_QUERIES) and "<pk>" not in route:
                found += [f"{address}?{query}" for query in build_queries(hidden)]
    return found


def build_queries(hidden: Hidden) -> list[str]:
    private = hidden.moments[f"{CANARY}private"].get_absolute_url()
    return [
        f"url={settings.SITE_URL}{private}",
        "at=1969-07-20T20:10:00Z",
        f"q={CANARY}private", f"q={CANARY}private+OR+shown", f"tag={CANARY}private-tag",
        "before=1969-07-20T20:10:01Z", "after=1969-07-20T20:09:59Z", "before=nonsense",
        f"date=1969-07-20&after={CANARY}a",
    ]  # fmt: skip


def test_every_argument_has_a_sample(hidden):
    assert len(build_addresses(hidden)) > 300


def test_route_without_samples_fails_with_an_explanation(hidden, monkeypatch):
    monkeypatch.setattr("tests.timeline.test_leaks.iter_routes", lambda: ["new/<thing>/"])
    with pytest.raises(AssertionError, match=r"no sample for <thing> of the route /new/<thing>/"):
        build_addresses(hidden)


def test_patterns_are_stripped_to_their_arguments():
    assert strip_pattern("moments/<id:pk>/<str:slug>/") == "moments/<pk>/<slug>/"
    assert strip_pattern(r"^(?P<year>[0-9]{4})/(?P<month>[0-9]{2})/$") == "<year>/<month>/"
    assert (
        strip_pattern(r"^reset/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$") == "reset/<uidb36>-<key>/"
    )


# The crawl


def response_text(response) -> str:
    """Return the whole text of a response, with its headers and cookies."""
    headers = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
    cookies = "\n".join(map(str, response.cookies.values()))
    return f"{headers}\n{cookies}\n{response_body(response)}"


def response_body(response) -> str:
    body = response.getvalue() if response.streaming else response.content
    return body.decode(errors="replace")


def find_leaks(hidden: Hidden, address: str, response) -> set[str]:
    """Return the words and ids in a response that its address does not allow."""
    text = response_text(response)
    # A page may repeat words of its own address, which reveals nothing.
    requested = set(re.findall(rf"{CANARY}\w*", address))
    words = set(re.findall(rf"{CANARY}\w*", text.lower()))
    secrets = {secret for secret in hidden.secrets if secret in text and secret not in address}
    return words - hidden.allowed(address) - requested | secrets


def send(client: Client, method: str, address: str):
    """Send an empty request. The limit of attempts is reset, so that it does not interfere."""
    caches["throttle"].clear()
    return getattr(client, method)(address)


def build_client(viewer: User | None) -> Client:
    client = Client(raise_request_exception=False)
    if viewer:
        client.force_login(viewer)
    return client


@pytest.mark.parametrize("viewer", [None, "stranger"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_it_works(request, hidden, stranger, viewer, method):
    """Edge case 15: no response of any route, nor its headers, has a word of a hidden moment."""
    person = stranger if viewer else None
    found, errors = {}, []
    client = build_client(person)
    for address in build_addresses(hidden):
        if method == "post" and "?" in address:
            continue  # forms have no query
        with transaction.atomic():
            response = send(client, method, address)
            if leaked := find_leaks(hidden, address, response):
                found[address] = leaked
            if response.status_code >= 500:
                errors.append(address)
            transaction.set_rollback(True)  # undo what a form did, such as signing out
    assert found == {}
    assert errors == []


def test_crawl_as_the_owner_finds_the_words(hidden):
    """So the crawl would find leaks. No cache may store these pages (edge case 16)."""
    client = build_client(hidden.owner)
    seen: set[str] = set()
    for address in build_addresses(hidden):
        with transaction.atomic():
            response = client.get(address)
            words = set(re.findall(rf"{CANARY}\w*", response_text(response).lower()))
            words -= set(re.findall(rf"{CANARY}\w*", address))
            if words:
                assert response["Cache-Control"] == "private, no-store", address
                assert "ETag" not in response or response["Cache-Control"].startswith("private")
            seen |= words
            transaction.set_rollback(True)
    kinds = {
        f"{CANARY}{kind}" for kind in ("private", "unlisted", "byus", "earlier", "reason", "mail")
    }
    assert kinds <= seen


@pytest.mark.parametrize("viewer", [None, "stranger"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_hidden_moment_looks_like_a_nonexistent_one(hidden, stranger, viewer, method):
    """Edge case 15: the response is the same, byte for byte, if there is no such moment."""
    client = build_client(stranger if viewer else None)
    nothing, everything = encode_id(random_id()), build_addresses(hidden)
    for word, moment in hidden.moments.items():
        if word == f"{CANARY}unlisted":
            continue
        for address in [one for one in everything if moment.public_id in one]:
            pair = (address, address.replace(moment.public_id, nothing))
            # The clock on the home page may change between the two requests, so try again.
            for _ in range(3):
                with transaction.atomic():
                    hidden_one, none = (comparable_parts(send(client, method, one)) for one in pair)
                    transaction.set_rollback(True)
                hidden_one = [part.replace(moment.public_id, nothing) for part in hidden_one]
                if hidden_one == none:
                    break
            assert hidden_one == none, address


def comparable_parts(answer):
    """Return the parts of a response without those that are new each time."""
    return [
        str(answer.status_code),
        TOKEN.sub("", response_body(answer)),
        answer.get("Location", ""),
        *sorted(answer.headers),
    ]


def test_etag_of_the_owner_is_never_confirmed_to_others(hidden):
    """Edge case 15: somebody else who sends the owner's ETag never gets 304."""
    owner, nobody = build_client(hidden.owner), Client()
    for moment in hidden.moments.values():
        mine = owner.get(moment.get_absolute_url())
        etag = mine.get("ETag", '"any"')
        theirs = nobody.get(moment.get_absolute_url(), headers={"If-None-Match": etag})
        assert theirs.status_code != 304 or "unlisted" in moment.title


def test_conflict_reveals_only_that_the_span_is_taken(hidden, stranger):
    """Edge case 15: it is public that a span is taken, but not by what moment or by whom."""
    span = {"date": "1969-07-20", "time": "20:10:00", "zone": "UTC", "minutes": "1"}
    for viewer in (None, stranger):
        client = build_client(viewer)
        for response in (client.get("/claim/", span), client.post("/claim/hold/", span)):
            assert not find_leaks(hidden, "/claim/", response)
    assert "taken" in Client().get("/claim/", span).text.lower()


def test_links_lead_to_existing_pages_without_hidden_words(hidden):
    """A visitor who follows every link finds no missing page and no hidden word."""
    client, waiting, seen = Client(), ["/"], {"/"}
    while waiting and len(seen) < MAX_PAGES:
        address = waiting.pop()
        response = client.get(address)
        assert response.status_code < 400, address
        assert not find_leaks(hidden, address, response), address
        path = address.partition("?")[0]
        for link in LINK.findall(response_text(response)):
            target = (path + link if link.startswith("?") else link).replace("&amp;", "&")
            if target not in seen and not target.startswith("/static/"):
                seen.add(target)
                waiting.append(target)
    assert hidden.shown.get_absolute_url() in seen
