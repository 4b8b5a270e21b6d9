"""The page where an owner changes a moment's picture, and the pages that show the picture."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from tests.support.picture_samples import SVG, build_gif, build_picture, build_png, encode_image
from tests.support.pictures import list_files
from timeline.core.picture_formats import MAX_BYTES
from timeline.models import Moment, Picture, Visibility
from timeline.services import transitions
from timeline.services.pictures import storage
from timeline.views.moments.forms import NOT_A_PICTURE_MESSAGE


@pytest.fixture
def moment(make_moment, picture_storage) -> Moment:
    return make_moment("1969-07-20T20:17:40Z", title="The Eagle has landed")


@pytest.fixture
def owner_client(client, owner):
    """A client with the owner logged in."""
    client.force_login(owner)
    return client


@pytest.fixture
def submit(owner_client, moment, django_capture_on_commit_callbacks):
    """Return a function that submits the form and runs the tasks that it queues."""

    def post(content: bytes | None = None, name: str = "a.jpg", kind: str = "image/jpeg", **fields):
        if content is not None:
            fields["file"] = SimpleUploadedFile(name, content, kind)
        with django_capture_on_commit_callbacks(execute=True):
            return owner_client.post(picture_url(moment), fields)

    return post


def picture_url(moment):
    return reverse("timeline:moment-picture", args=[moment.pk])


def get_moment_page(client, moment):
    return client.get(moment.get_absolute_url()).text


def test_it_works(owner_client, moment, submit):
    assert "There is no picture yet" in owner_client.get(picture_url(moment)).text
    response = submit(encode_image(build_picture(1000, 600)), alt="Red beside blue")
    assert (response.status_code, response["Location"]) == (303, picture_url(moment))
    owner_client.logout()
    page = get_moment_page(owner_client, moment)
    for kind in ("avif", "webp"):
        (srcset,) = re.findall(
            rf'<source type="image/{kind}" srcset="([^"]+)" sizes="[^"]+">', page
        )
        candidates = re.findall(r"(/pictures/\S+) (\d+)w", srcset)
        assert [int(width) for _, width in candidates] == [192, 384, 640, 960, 1000]
        for address, _ in candidates:
            assert owner_client.get(address)["Content-Type"] == f"image/{kind}"
    (image,) = re.findall(r'<img src="/pictures/[^>]+>', page)
    assert 'width="1000" height="600"' in image
    assert 'alt="Red beside blue"' in image
    assert 'fetchpriority="high"' in image
    assert re.search(r'<img class="picture-blur" src="data:image/webp;base64,[^"]{50,600}"', page)
    (preview,) = re.findall(
        r'<meta property="og:image" content="http://127.0.0.1:8000([^"]+)">', page
    )
    assert owner_client.get(preview)["Content-Type"] == "image/jpeg"


def test_it_checks_access(client, moment, owner, stranger, submit):
    """Edge case 15: for others the moment seems not to exist."""
    submit(encode_image(build_picture()))
    client.logout()
    assert client.get(picture_url(moment)).status_code == 302
    client.force_login(stranger)
    missing = client.get(reverse("timeline:moment-picture", args=[1]))
    for request in (client.get, client.post):
        response = request(picture_url(moment))
        assert response.status_code == missing.status_code == 404
    assert client.get(picture_url(moment)).content == missing.content
    assert Picture.objects.get().is_ready


def test_lists_show_a_thumbnail(client, moment, submit, make_moment, django_assert_max_num_queries):
    submit(encode_image(build_picture(1000, 600)))
    make_moment("1969-07-21", title="Without one")
    client.logout()
    for path in ("/timeline/", "/timeline/1969/07/", "/@ada/", "/"):
        with django_assert_max_num_queries(6):
            page = client.get(path).text
        assert page.count('class="picture-small"') == (1 if path != "/" else 0)
    page = client.get("/timeline/").text
    (small,) = re.findall(r'(?s)<picture class="picture-small">.*?</picture>', page)
    assert 'loading="lazy"' in small
    assert 'alt=""' in small
    assert 'width="96" height="72"' in small
    for address in re.findall(r"/pictures/[^\s\"]+", small):
        assert client.get(address).status_code == 200


def test_private_picture_is_in_the_owners_lists_only(client, make_pictured_moment, owner):
    """Edge case 15."""
    make_pictured_moment(visibility=Visibility.PRIVATE)
    assert "/pictures/" not in client.get("/timeline/").text
    client.force_login(owner)
    page = client.get("/timeline/").text
    address = re.findall(r"/pictures/[^\s\"]+avif", page)[0]
    assert client.get(address).status_code == 200
    client.logout()
    assert client.get(address).status_code == 404


def test_unlisted_moment_has_no_preview_picture(client, make_pictured_moment):
    moment = make_pictured_moment(visibility=Visibility.UNLISTED)
    page = get_moment_page(client, moment)
    assert "/pictures/" in page
    assert not re.search("og:image[^>]*/pictures/", page)


def test_description_can_be_changed_alone(owner_client, moment, submit):
    submit(encode_image(build_picture()), alt="Old words")
    key = Picture.objects.get().key
    assert submit(alt="  New   words ").status_code == 303
    picture = Picture.objects.get()
    assert (picture.key, picture.alt) == (key, "New words")
    assert 'alt="New words"' in get_moment_page(owner_client, moment)


def test_picture_can_be_removed(owner_client, moment, submit, picture_storage):
    submit(encode_image(build_picture()))
    assert submit(remove="1").status_code == 303
    assert not Picture.objects.exists()
    assert list_files(picture_storage) == set()
    assert "/pictures/" not in get_moment_page(owner_client, moment)


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [
        (build_gif(3), "a.jpg", "image/jpeg"),
        (SVG, "a.svg", "image/svg+xml"),
        (SVG, "a.png", "image/png"),
        (b"<html><script>alert(1)</script>", "a.jpg", "image/jpeg"),
        (b"x", "a.png", "image/png"),
    ],
)
def test_other_formats_are_refused_by_content(moment, submit, picture_storage, content, name, kind):
    """Edge case 20: GIF, SVG with a script, a wrong MIME type."""
    response = submit(content, name, kind)
    assert response.status_code == 400
    assert NOT_A_PICTURE_MESSAGE in response.text
    assert 'aria-invalid="true"' in response.text
    assert not Picture.objects.exists()
    assert list_files(picture_storage) == set()


def test_file_name_and_mime_type_are_ignored(moment, submit):
    """Edge case 20: a valid picture with a wrong name is accepted; the name is used nowhere."""
    assert (
        submit(encode_image(build_picture(), "PNG"), "../../../evil.html", "text/html").status_code
        == 303
    )
    assert Picture.objects.get().is_ready


def test_later_refusal_is_explained_to_the_owner_only(owner_client, moment, submit):
    """Edge case 20: a decompression bomb is reported on the page, not as an error."""
    assert submit(build_png(50_000, 50_000)).status_code == 303
    page = owner_client.get(picture_url(moment)).text
    assert "too many pixels" in page
    assert "could not be taken" in get_moment_page(owner_client, moment)
    owner_client.logout()
    assert (
        "picture"
        not in re.sub(r"(?s)<head>.*</head>", "", get_moment_page(owner_client, moment)).lower()
    )


def test_waiting_picture_is_announced_to_the_owner_only(owner_client, moment):
    owner_client.post(
        picture_url(moment), {"file": SimpleUploadedFile("a", encode_image(build_picture()))}
    )  # the task does not run
    page = owner_client.get(picture_url(moment)).text
    assert "It is being made ready" in page
    assert "data-waiting" in page
    assert "is being made ready" in get_moment_page(owner_client, moment)
    owner_client.logout()
    assert "being made" not in get_moment_page(owner_client, moment)


def test_missing_and_empty_file_are_refused(submit):
    assert "Choose a picture." in submit().text
    assert "That file is empty." in submit(b"").text


@pytest.mark.parametrize("alt", ["\u202e\u200b", "\0", "x" * 251])
def test_invisible_or_too_long_description_is_refused(submit, alt):
    """Edge case 19."""
    assert submit(encode_image(build_picture()), alt=alt).status_code == 400
    assert not Picture.objects.exists()


def test_description_is_escaped(owner_client, moment, submit):
    """Edge case 22."""
    submit(encode_image(build_picture()), alt='"><script>alert(1)</script>')
    assert "<script>alert" not in get_moment_page(owner_client, moment)


def test_file_that_is_too_large_is_refused(moment, submit, settings):
    """Edge case 20: refused by the form; a still larger file is refused before it is read."""
    large = encode_image(build_picture()) + b"\0" * MAX_BYTES
    response = submit(large)
    assert (response.status_code, "too large: 15 MB at most" in response.text) == (400, True)
    response = submit(large + b"\0" * settings.UPLOAD_MAX_BYTES)
    assert (response.status_code, "too large: 16 MB at most" in response.text) == (400, True)
    assert not Picture.objects.exists()


def test_upload_is_refused_after_revocation(client, owner_client, moment, submit, monkeypatch):
    stale = Moment.objects.get(pk=moment.pk)
    monkeypatch.setattr("timeline.selectors.moments.get_visible_moment", lambda viewer, pk: stale)
    transitions.revoke(moment, "a test")
    response = submit(encode_image(build_picture()))
    assert response.status_code == 409
    assert "not on the timeline any more" in response.text


def test_unavailable_storage_is_503(moment, submit, monkeypatch):
    def fail(*arguments):
        raise OSError("unavailable")

    monkeypatch.setattr(storage, "write", fail)
    response = submit(encode_image(build_picture()))
    assert response.status_code == 503
    assert response["Retry-After"]
    assert "Nothing is changed" in response.text


def test_moment_titled_picture_keeps_its_address(make_moment):
    assert make_moment("1969-07-20", title="Picture").get_absolute_url().endswith("/moment/")


def test_placeholder_is_small(moment, submit):
    submit(encode_image(build_picture(4000, 3000)))
    assert len(Picture.objects.get().placeholder) < 600
    assert Picture.objects.get().uploaded_at.tzinfo == dt.UTC
