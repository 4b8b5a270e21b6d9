"""The archive of all data that the site holds on a user (edge case 16 and edge case 22)."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.test import Client

from accounts.models import User
from accounts.privacy import export, registry
from accounts.privacy.registry import PersonalFile, Source
from tests.accounts.conftest import PASSWORD

pytestmark = pytest.mark.django_db

URL = "/accounts/export/"


def download(client: Client, query: str = "", **form: str) -> dict[str, bytes]:
    """Download the export of the client's user. Return the content of its files by name."""
    response = client.post(URL + query, form)
    assert response.status_code == 200
    with zipfile.ZipFile(io.BytesIO(response.getvalue())) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def load_json(files: dict[str, bytes], name: str):
    return json.loads(files[f"account/{name}.json"])


@pytest.fixture
def bob(db):
    user = User.objects.create_user("bob-canary@example.org", "bob-canary", PASSWORD)
    user.mark_email_verified()
    return user


@pytest.fixture
def register_files(monkeypatch):
    """Return a function that registers another app's files, for this test only."""
    monkeypatch.setattr(registry, "_sources", dict(registry._sources))

    def add(*files: PersonalFile) -> None:
        registry.register_source(Source("more", (), lambda user: iter(files), lambda user: False))

    return add


def test_it_works(ada, log_in):
    files = download(log_in())
    profile = load_json(files, "profile")
    assert (profile["email"], profile["handle"]) == ("ada@example.org", "ada")
    assert profile["display_name"] == "Ada"
    assert load_json(files, "emails") == [
        {"email": "ada@example.org", "verified": True, "primary": True}
    ]


def test_get_shows_a_page_and_no_archive(ada, log_in):
    page = log_in().get(URL)
    assert page["Content-Type"].startswith("text/html")
    assert "csrfmiddlewaretoken" in page.text
    assert "Download the zip" in page.text


def test_account_page_links_to_the_export(ada, log_in):
    assert f'href="{URL}"' in log_in().get("/accounts/").text


@pytest.mark.parametrize("method", ["get", "post"])
def test_visitor_is_redirected_to_login(client, method):
    response = getattr(client, method)(URL)
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


def test_post_without_csrf_token_is_refused(ada):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    assert client.post(URL).status_code == 403


def test_other_methods_are_refused(ada, log_in):
    assert log_in().put(URL).status_code == 405


def test_response_is_a_download_that_is_not_cached(ada, log_in):
    response = log_in().post(URL)
    assert response["Content-Type"] == "application/zip"
    assert response["Cache-Control"] == "private, no-store"
    assert response["Content-Disposition"].startswith('attachment; filename="momentverse-ada-2')
    assert "\n" not in response["Content-Disposition"]


def test_readme_describes_each_file(ada, log_in):
    files = download(log_in())
    readme = files["README.txt"].decode()
    assert "@ada" in readme
    for name in files.keys() - {"README.txt"}:
        assert f"\n{name}\n    " in readme, name


def test_times_are_in_utc(ada, log_in):
    files = download(log_in())
    assert load_json(files, "profile")["date_joined"].endswith("Z")
    (session,) = load_json(files, "sessions")
    assert session["created_at"].endswith("Z")
    assert session["last_seen_at"].endswith("Z")


def test_sessions_are_exported_without_their_keys(ada, log_in):
    client = log_in(user_agent="Telescope/1.0")
    files = download(client)
    (session,) = load_json(files, "sessions")
    assert (session["ip"], session["user_agent"]) == ("127.0.0.1", "Telescope/1.0")
    assert client.session.session_key.encode() not in b"".join(files.values())


def test_second_factors_are_exported_without_their_secrets(ada):
    Authenticator.objects.create(user=ada, type="totp", data={"secret": "SECRET-CANARY"})
    client = Client()
    client.force_login(ada)
    files = download(client)
    (factor,) = load_json(files, "second-factors")
    assert factor["type"] == "totp"
    assert factor["created_at"].endswith("Z")
    assert b"SECRET-CANARY" not in b"".join(files.values())


def test_password_hash_is_not_exported(ada, log_in):
    everything = b"".join(download(log_in()).values())
    assert ada.password.encode() not in everything
    assert b"argon2" not in everything


def test_admin_log_of_the_account_is_exported(ada, bob, log_in):
    ada.groups.add(Group.objects.create(name="Astronomers"))
    LogEntry.objects.create(
        user=bob,
        content_type=ContentType.objects.get_for_model(User),
        object_id=str(ada.pk),
        object_repr="@ada",
        action_flag=CHANGE,
        change_message="Asked by phone.",
    )
    files = download(log_in())
    (entry,) = load_json(files, "staff-log")
    assert (entry["action"], entry["note"]) == ("Change", "Asked by phone.")
    assert load_json(files, "profile")["groups"] == ["Astronomers"]
    assert b"bob-canary" not in b"".join(files.values())


def test_data_of_other_users_is_not_exported(ada, bob, log_in):
    log_in("bob-canary@example.org", user_agent="bob-canary")
    everything = b"".join(download(log_in()).values())
    assert b"bob-canary" not in everything


@pytest.mark.parametrize("parameter", ["user", "pk", "id", "handle", "email"])
def test_parameters_cannot_select_another_user(ada, bob, log_in, parameter):
    client = log_in()
    for value in (bob.pk, bob.handle, bob.email):
        files = download(client, f"?{parameter}={value}", **{parameter: str(value)})
        assert b"bob-canary" not in b"".join(files.values())
        assert load_json(files, "profile")["handle"] == "ada"


def test_files_of_other_apps_are_included(ada, log_in, register_files):
    register_files(
        PersonalFile("a.json", "Things.", [1]), PersonalFile("b.bin", "A picture.", b"\x00\xff")
    )
    files = download(log_in())
    assert json.loads(files["more/a.json"]) == [1]
    assert files["more/b.bin"] == b"\x00\xff"
    assert "more/b.bin\n    A picture." in files["README.txt"].decode()


def test_json_is_readable(ada, log_in):
    ada.bio = "Später, “quoted”\nand ✨"
    ada.save()
    text = download(log_in())["account/profile.json"].decode()
    assert '\n  "bio": "Später, “quoted”\\nand ✨"' in text


def test_order_of_files_is_stable(ada, log_in):
    client = log_in()
    assert list(download(client)) == list(download(client))


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "..\\evil"])
def test_file_name_outside_the_archive_is_refused(ada, register_files, name):
    register_files(PersonalFile(name, "Evil.", b""))
    with pytest.raises(ValueError, match="leave the folder"):
        export.build_archive(ada)


def test_large_archive_is_built_on_disk(ada, register_files, monkeypatch):
    monkeypatch.setattr(export, "MAX_IN_MEMORY", 1000)
    register_files(PersonalFile("noise.bin", "Noise.", bytes(range(256)) * 40))
    archive = export.build_archive(ada)
    assert archive._rolled
    archive.close()


def test_duplicate_source_name_is_refused(register_files):
    register_files()
    with pytest.raises(ValueError, match="twice"):
        register_files(PersonalFile("a.json", "Things.", []))
