"""What is hidden is found nowhere: a crawl over every route of the URL map, edge case 15 and edge case 16.

Words that stand in hidden moments and nowhere else are looked for in every
answer, body and headers, that nobody, a stranger and the owner get. Routes are
read from the URL map: a new one is walked by itself, and one with an argument
that ``SAMPLES`` does not know fails with a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
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

CANARY = "quoll"  # a part of each word that is looked for
EMAIL = f"{CANARY}mail@example.org"
PASSWORD = "a perfectly long passphrase"
ARGUMENT = re.compile(r"<(?:\w+:)?(\w+)>")
LINK = re.compile(r'(?:href|src|action)="(/[^"#]*|\?[^"#]*)')
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="[^"]+"')
MAX_PAGES = 400
# Not walked along: staff's, whose own tests check access, and what ends the session in use.
NO_QUERIES = ("admin/", "accounts/", "claim/", "orders/", "health/", "payments/", "favicon")


@dataclass
class Hidden:
    """Moments that others must not see, and one that all see, of one owner."""

    owner: User
    shown: Moment
    moments: dict[str, Moment]  # by the word that stands in it
    former_tokens: list[str]  # of addresses that pictures had before they were hidden

    @property
    def ids(self) -> set[str]:
        """Every id that belongs to the owner alone, as it stands in addresses."""
        return {moment.public_id for moment in self.moments.values()}

    @property
    def secrets(self) -> set[str]:
        """Ids, and what the addresses of their pictures are made of."""
        pictures = Picture.objects.filter(moment__in=list(self.moments.values()))
        unlisted = self.moments[f"{CANARY}unlisted"]
        tokens = {one.token for one in pictures if one.moment_id != unlisted.pk}
        return self.ids | tokens | {one.key for one in pictures}

    def allowed(self, address: str) -> set[str]:
        """Return the words that an address excuses: an unlisted moment is shared by its own."""
        unlisted = self.moments[f"{CANARY}unlisted"]
        return {f"{CANARY}unlisted"} if unlisted.public_id in address else set()


@pytest.fixture
def hidden(tagged, make_moment, stranger, django_capture_on_commit_callbacks):
    owner = User.objects.create_user(EMAIL, "numbat", PASSWORD, display_name="Numbat")
    owner.mark_email_verified()

    def make(minute: int, kind: str, **fields) -> Moment:
        word = f"{CANARY}{kind}"
        texts = {name: f"{word} {name}" for name in ("title", "story", "place", "source")}
        fields = {"user": owner, "external_id": word} | texts | fields
        return tagged(f"1969-07-20T20:{minute:02}:00Z", f"{word}-tag", **fields)

    shown = tagged("1969-07-20T20:00:00Z", "moon", user=owner, title="Shown")
    # What a public moment said before is for its owner alone.
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


# The map


def routes(resolver=None, above: str = "") -> Iterator[str]:
    """Yield every route as ``moments/<pk>/<slug>/``."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = above + plain(str(pattern.pattern))
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from routes(pattern, route)


def plain(pattern: str) -> str:
    """Return a route or a regular expression with its arguments as ``<name>`` and no anchors."""
    pattern = re.sub(r"\(\?P<(\w+)>(?:[^()\[\]]|\[[^\]]*\])*\)", r"<\1>", pattern)
    return ARGUMENT.sub(r"<\1>", pattern).removeprefix("^").removesuffix("$")


def samples(hidden: Hidden) -> dict[str, list[str]]:
    """Return what to put for each argument of a route."""
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


def addresses(hidden: Hidden) -> list[str]:
    """Return every route's addresses, and those of lists with queries that lead near what is hidden."""
    values = samples(hidden)
    found = ["/nowhere/", "/moments/nothing/"]
    for route in routes():
        names = ARGUMENT.findall(route)
        unknown = [name for name in names if name not in values]
        assert not unknown, (
            f"The leak test has no sample for <{unknown[0]}> of the route /{route}:"
            " add one to samples() in tests/timeline/test_leaks.py, so that the route is walked."
        )
        for chosen in product(*(values[name] for name in names)):
            address = "/" + route
            for name, value in zip(names, chosen, strict=True):
                address = address.replace(f"<{name}>", value, 1)
            found.append(address)
            if not route.startswith(NO_QUERIES) and "<pk>" not in route:
                found += [f"{address}?{query}" for query in queries(hidden)]
    return found


def queries(hidden: Hidden) -> list[str]:
    private = hidden.moments[f"{CANARY}private"].get_absolute_url()
    return [
        f"url={settings.SITE_URL}{private}",
        "at=1969-07-20T20:10:00Z",
        f"q={CANARY}private", f"q={CANARY}private+OR+shown", f"tag={CANARY}private-tag",
        "before=1969-07-20T20:10:01Z", "after=1969-07-20T20:09:59Z", "before=nonsense",
        f"date=1969-07-20&after={CANARY}a",
    ]  # fmt: skip


def test_every_argument_has_a_sample(hidden):
    assert len(addresses(hidden)) > 300


def test_a_route_that_nobody_thought_of_fails_with_a_sentence(hidden, monkeypatch):
    monkeypatch.setattr("tests.timeline.test_leaks.routes", lambda: ["new/<thing>/"])
    with pytest.raises(AssertionError, match=r"no sample for <thing> of the route /new/<thing>/"):
        addresses(hidden)


def test_routes_are_read_as_they_are_written():
    assert plain("moments/<id:pk>/<str:slug>/") == "moments/<pk>/<slug>/"
    assert plain(r"^(?P<year>[0-9]{4})/(?P<month>[0-9]{2})/$") == "<year>/<month>/"
    assert plain(r"^reset/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$") == "reset/<uidb36>-<key>/"


# The crawl


def said(response) -> str:
    """Return all that an answer says, headers included."""
    headers = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
    cookies = "\n".join(map(str, response.cookies.values()))
    return f"{headers}\n{cookies}\n{body_of(response)}"


def body_of(response) -> str:
    body = response.getvalue() if response.streaming else response.content
    return body.decode(errors="replace")


def leaks(hidden: Hidden, address: str, response) -> set[str]:
    """Return the words and ids in an answer that its address does not excuse."""
    text = said(response)
    # A page may repeat what it was asked for: that tells nothing.
    asked = set(re.findall(rf"{CANARY}\w*", address))
    words = set(re.findall(rf"{CANARY}\w*", text.lower()))
    secrets = {secret for secret in hidden.secrets if secret in text and secret not in address}
    return words - hidden.allowed(address) - asked | secrets


def fetch(client: Client, method: str, address: str):
    """Ask for an address without sending anything; no limit of attempts stands in the way."""
    caches["throttle"].clear()
    return getattr(client, method)(address)


def client_of(viewer: User | None) -> Client:
    client = Client(raise_request_exception=False)
    if viewer:
        client.force_login(viewer)
    return client


@pytest.mark.parametrize("viewer", [None, "stranger"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_it_works(request, hidden, stranger, viewer, method):
    """Edge case 15: no answer of any route, nor its headers, has a word of what is hidden."""
    person = stranger if viewer else None
    found, errors = {}, []
    client = client_of(person)
    for address in addresses(hidden):
        if method == "post" and "?" in address:
            continue  # what a list is asked with is no part of a form
        with transaction.atomic():
            response = fetch(client, method, address)
            if leaked := leaks(hidden, address, response):
                found[address] = leaked
            if response.status_code >= 500:
                errors.append(address)
            transaction.set_rollback(True)  # whatever a form did, signing out among it
    assert found == {}
    assert errors == []


def test_the_owner_finds_them_so_the_crawl_can(hidden):
    """And none of the pages that hold them may be kept by anybody's cache: edge case 16."""
    client = client_of(hidden.owner)
    seen: set[str] = set()
    for address in addresses(hidden):
        with transaction.atomic():
            response = client.get(address)
            words = set(re.findall(rf"{CANARY}\w*", said(response).lower()))
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
def test_hidden_is_like_nothing_at_all(hidden, stranger, viewer, method):
    """Edge case 15: the same bytes, whether a moment is hidden or there is none."""
    client = client_of(stranger if viewer else None)
    nothing, everything = encode_id(random_id()), addresses(hidden)
    for word, moment in hidden.moments.items():
        if word == f"{CANARY}unlisted":
            continue
        for address in [one for one in everything if moment.public_id in one]:
            pair = (address, address.replace(moment.public_id, nothing))
            # The home page's clock may turn between the two: what differs is asked for once more.
            for _ in range(3):
                with transaction.atomic():
                    hidden_one, none = (told(fetch(client, method, one)) for one in pair)
                    transaction.set_rollback(True)
                hidden_one = [part.replace(moment.public_id, nothing) for part in hidden_one]
                if hidden_one == none:
                    break
            assert hidden_one == none, address


def told(answer):
    """Return all that an answer says, but for what is new each time."""
    return [
        str(answer.status_code),
        TOKEN.sub("", body_of(answer)),
        answer.get("Location", ""),
        *sorted(answer.headers),
    ]


def test_an_owners_copy_confirms_nothing_to_others(hidden):
    """Edge case 15: an ETag that somebody else sends is never answered with 304."""
    owner, nobody = client_of(hidden.owner), Client()
    for moment in hidden.moments.values():
        mine = owner.get(moment.get_absolute_url())
        etag = mine.get("ETag", '"any"')
        theirs = nobody.get(moment.get_absolute_url(), headers={"If-None-Match": etag})
        assert theirs.status_code != 304 or "unlisted" in moment.title


def test_a_conflict_says_only_that_it_is_taken(hidden, stranger):
    """Edge case 15: by design it is public that a span is taken; what and whose it is, is not."""
    span = {"date": "1969-07-20", "time": "20:10:00", "zone": "UTC", "minutes": "1"}
    for viewer in (None, stranger):
        client = client_of(viewer)
        for response in (client.get("/claim/", span), client.post("/claim/hold/", span)):
            assert not leaks(hidden, "/claim/", response)
    assert "taken" in Client().get("/claim/", span).text.lower()


def test_links_lead_to_pages_and_none_to_what_is_hidden(hidden):
    """A visitor who follows every link: no page is missing, none tells what is hidden."""
    client, waiting, seen = Client(), ["/"], {"/"}
    while waiting and len(seen) < MAX_PAGES:
        address = waiting.pop()
        response = client.get(address)
        assert response.status_code < 400, address
        assert not leaks(hidden, address, response), address
        path = address.partition("?")[0]
        for link in LINK.findall(said(response)):
            target = (path + link if link.startswith("?") else link).replace("&amp;", "&")
            if target not in seen and not target.startswith("/static/"):
                seen.add(target)
                waiting.append(target)
    assert hidden.shown.get_absolute_url() in seen
