"""The page where an owner changes a moment's picture, and where it is shown."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from tests.support.picture_samples import SVG, gif, halves, png, saved
from tests.support.pictures import files
from timeline.core.picture_formats import MAX_BYTES
from timeline.models import Moment, Picture, Visibility
from timeline.services import transitions
from timeline.services.pictures import storage
from timeline.views.moments.forms import NOT_A_PICTURE_MESSAGE


@pytest.fixture
def moment(make_moment, kept) -> Moment:
    return make_moment("1969-07-20T20:17:40Z", title="The Eagle has landed")


@pytest.fixture
def owners(client, owner):
    """A client that the owner is logged in with."""
    client.force_login(owner)
    return client


@pytest.fixture
def send(owners, moment, django_capture_on_commit_callbacks):
    """Return a function that sends the form, and what tasks it leads to are done."""

    def post(content: bytes | None = None, name: str = "a.jpg", kind: str = "image/jpeg", **fields):
        if content is not None:
            fields["file"] = SimpleUploadedFile(name, content, kind)
        with django_capture_on_commit_callbacks(execute=True):
            return owners.post(page_of(moment), fields)

    return post


def page_of(moment):
    return reverse("timeline:moment-picture", args=[moment.pk])


def shown(client, moment):
    return client.get(moment.get_absolute_url()).text


def test_it_works(owners, moment, send):
    assert "There is no picture yet" in owners.get(page_of(moment)).text
    response = send(saved(halves(1000, 600)), alt="Red beside blue")
    assert (response.status_code, response["Location"]) == (303, page_of(moment))
    owners.logout()
    page = shown(owners, moment)
    for kind in ("avif", "webp"):
        (sources,) = re.findall(
            rf'<source type="image/{kind}" srcset="([^"]+)" sizes="[^"]+">', page
        )
        found = re.findall(r"(/pictures/\S+) (\d+)w", sources)
        assert [int(width) for _, width in found] == [192, 384, 640, 960, 1000]
        for address, _ in found:
            assert owners.get(address)["Content-Type"] == f"image/{kind}"
    (image,) = re.findall(r'<img src="/pictures/[^>]+>', page)
    assert 'width="1000" height="600"' in image
    assert 'alt="Red beside blue"' in image
    assert 'fetchpriority="high"' in image
    assert re.search(r'<img class="picture-blur" src="data:image/webp;base64,[^"]{50,600}"', page)
    (preview,) = re.findall(
        r'<meta property="og:image" content="http://127.0.0.1:8000([^"]+)">', page
    )
    assert owners.get(preview)["Content-Type"] == "image/jpeg"


def test_it_checks_access(client, moment, owner, stranger, send):
    """Edge case 15: to others it is like no moment at all."""
    send(saved(halves()))
    client.logout()
    assert client.get(page_of(moment)).status_code == 302
    client.force_login(stranger)
    missing = client.get(reverse("timeline:moment-picture", args=[1]))
    for request in (client.get, client.post):
        response = request(page_of(moment))
        assert response.status_code == missing.status_code == 404
    assert client.get(page_of(moment)).content == missing.content
    assert Picture.objects.get().is_ready


def test_a_list_shows_it_small(client, moment, send, make_moment, django_assert_max_num_queries):
    send(saved(halves(1000, 600)))
    make_moment("1969-07-21", title="Without one")
    client.logout()
    for path in ("/timeline/", "/timeline/1969/07/", "/@ada/", "/"):
        with django_assert_max_num_queries(6):
            page = client.get(path).text
        assert page.count('class="picture-small"') == (1 if path != "/" else 0)
    page = client.get("/timeline/").text
    (small,) = re.findall(r'<picture class="picture-small">.*?</picture>', page)
    assert 'loading="lazy"' in small
    assert 'alt=""' in small
    assert 'width="96" height="72"' in small
    for address in re.findall(r"/pictures/[^\s\"]+", small):
        assert client.get(address).status_code == 200


def test_the_owners_lists_show_private_ones_to_the_owner_alone(client, pictured, owner):
    """Edge case 15."""
    pictured(visibility=Visibility.PRIVATE)
    assert "/pictures/" not in client.get("/timeline/").text
    client.force_login(owner)
    page = client.get("/timeline/").text
    address = re.findall(r"/pictures/[^\s\"]+avif", page)[0]
    assert client.get(address).status_code == 200
    client.logout()
    assert client.get(address).status_code == 404


def test_a_moment_that_is_not_public_has_no_preview_elsewhere(client, pictured):
    moment = pictured(visibility=Visibility.UNLISTED)
    page = shown(client, moment)
    assert "/pictures/" in page
    assert not re.search("og:image[^>]*/pictures/", page)


def test_a_description_alone_is_changed(owners, moment, send):
    send(saved(halves()), alt="Old words")
    key = Picture.objects.get().key
    assert send(alt="  New   words ").status_code == 303
    picture = Picture.objects.get()
    assert (picture.key, picture.alt) == (key, "New words")
    assert 'alt="New words"' in shown(owners, moment)


def test_it_is_taken_off(owners, moment, send, kept):
    send(saved(halves()))
    assert send(remove="1").status_code == 303
    assert not Picture.objects.exists()
    assert files(kept) == set()
    assert "/pictures/" not in shown(owners, moment)


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [
        (gif(3), "a.jpg", "image/jpeg"),
        (SVG, "a.svg", "image/svg+xml"),
        (SVG, "a.png", "image/png"),
        (b"<html><script>alert(1)</script>", "a.jpg", "image/jpeg"),
        (b"x", "a.png", "image/png"),
    ],
)
def test_other_files_are_refused_by_their_content(moment, send, kept, content, name, kind):
    """Edge case 20: GIF, SVG with a script, a wrong MIME type."""
    response = send(content, name, kind)
    assert response.status_code == 400
    assert NOT_A_PICTURE_MESSAGE in response.text
    assert 'aria-invalid="true"' in response.text
    assert not Picture.objects.exists()
    assert files(kept) == set()


def test_a_name_and_a_type_decide_nothing(moment, send):
    """Edge case 20: a good picture under a wrong name is taken; the name is used nowhere."""
    assert send(saved(halves(), "PNG"), "../../../evil.html", "text/html").status_code == 303
    assert Picture.objects.get().is_ready


def test_what_is_refused_later_is_told_kindly(owners, moment, send):
    """Edge case 20: a bomb says that it is one, on the page and not as an error."""
    assert send(png(50_000, 50_000)).status_code == 303
    page = owners.get(page_of(moment)).text
    assert "too many pixels" in page
    assert "could not be taken" in shown(owners, moment)
    owners.logout()
    assert "picture" not in re.sub(r"(?s)<head>.*</head>", "", shown(owners, moment)).lower()


def test_while_it_is_made_the_page_says_so(owners, moment):
    owners.post(
        page_of(moment), {"file": SimpleUploadedFile("a", saved(halves()))}
    )  # no task is run
    page = owners.get(page_of(moment)).text
    assert "It is being made ready" in page
    assert "data-waiting" in page
    assert "is being made ready" in shown(owners, moment)
    owners.logout()
    assert "being made" not in shown(owners, moment)


def test_nothing_chosen_and_an_empty_file(send):
    assert "Choose a picture." in send().text
    assert "That file is empty." in send(b"").text


@pytest.mark.parametrize("alt", ["\u202e\u200b", "\0", "x" * 251])
def test_a_description_is_text_that_can_be_seen(send, alt):
    """Edge case 19."""
    assert send(saved(halves()), alt=alt).status_code == 400
    assert not Picture.objects.exists()


def test_a_description_stays_words(owners, moment, send):
    """Edge case 22."""
    send(saved(halves()), alt='"><script>alert(1)</script>')
    assert "<script>alert" not in shown(owners, moment)


def test_a_file_that_is_too_large(moment, send, settings):
    """Edge case 20: told by the form, and before it is read where it is larger still."""
    large = saved(halves()) + b"\0" * MAX_BYTES
    response = send(large)
    assert (response.status_code, "too large: 15 MB at most" in response.text) == (400, True)
    response = send(large + b"\0" * settings.UPLOAD_MAX_BYTES)
    assert (response.status_code, "too large: 16 MB at most" in response.text) == (400, True)
    assert not Picture.objects.exists()


def test_a_moment_that_is_gone(client, owners, moment, send, monkeypatch):
    by_id = Moment.objects.get(pk=moment.pk)
    monkeypatch.setattr("timeline.selectors.moments.get_visible_moment", lambda viewer, pk: by_id)
    transitions.revoke(moment, "a test")
    response = send(saved(halves()))
    assert response.status_code == 409
    assert "not on the timeline any more" in response.text


def test_a_storage_that_is_away(moment, send, monkeypatch):
    def away(*arguments):
        raise OSError("away")

    monkeypatch.setattr(storage, "write", away)
    response = send(saved(halves()))
    assert response.status_code == 503
    assert response["Retry-After"]
    assert "Nothing is changed" in response.text


def test_a_title_cannot_take_its_address(make_moment):
    assert make_moment("1969-07-20", title="Picture").get_absolute_url().endswith("/moment/")


def test_a_placeholder_is_small_enough_for_a_page(moment, send):
    send(saved(halves(4000, 3000)))
    assert len(Picture.objects.get().placeholder) < 600
    assert Picture.objects.get().uploaded_at.tzinfo == dt.UTC
