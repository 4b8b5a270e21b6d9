"""The zip of all that the site holds on a person; edge case 16 and edge case 22."""

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

ADDRESS = "/accounts/export/"


def download(client: Client, query: str = "", **form: str) -> dict[str, bytes]:
    """Return the files of a person's export by name."""
    response = client.post(ADDRESS + query, form)
    assert response.status_code == 200
    with zipfile.ZipFile(io.BytesIO(response.getvalue())) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def in_json(files: dict[str, bytes], name: str):
    return json.loads(files[f"account/{name}.json"])


@pytest.fixture
def bob(db):
    user = User.objects.create_user("bob-canary@example.org", "bob-canary", PASSWORD)
    user.mark_email_verified()
    return user


@pytest.fixture
def source(monkeypatch):
    """Return a function that registers a source with some files, for this test only."""
    monkeypatch.setattr(registry, "_sources", dict(registry._sources))

    def add(*files: PersonalFile) -> None:
        registry.register_source(Source("more", (), lambda user: iter(files), lambda user: False))

    return add


def test_it_works(ada, log_in):
    files = download(log_in())
    profile = in_json(files, "profile")
    assert (profile["email"], profile["handle"]) == ("ada@example.org", "ada")
    assert profile["display_name"] == "Ada"
    assert in_json(files, "emails") == [
        {"email": "ada@example.org", "verified": True, "primary": True}
    ]


def test_the_page_says_what_is_in_it_and_sends_nothing(ada, log_in):
    page = log_in().get(ADDRESS)
    assert page["Content-Type"].startswith("text/html")
    assert "csrfmiddlewaretoken" in page.text
    assert "Download the zip" in page.text


def test_it_is_linked_from_the_account(ada, log_in):
    assert f'href="{ADDRESS}"' in log_in().get("/accounts/").text


@pytest.mark.parametrize("method", ["get", "post"])
def test_it_asks_visitors_to_log_in(client, method):
    response = getattr(client, method)(ADDRESS)
    assert response.status_code == 302
    assert response["Location"].startswith("/accounts/login/")


def test_it_is_sent_for_a_form_of_ours_only(ada):
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    assert client.post(ADDRESS).status_code == 403


def test_other_methods_are_refused(ada, log_in):
    assert log_in().put(ADDRESS).status_code == 405


def test_it_is_a_download_that_nobody_keeps(ada, log_in):
    response = log_in().post(ADDRESS)
    assert response["Content-Type"] == "application/zip"
    assert response["Cache-Control"] == "private, no-store"
    assert response["Content-Disposition"].startswith('attachment; filename="momentverse-ada-2')
    assert "\n" not in response["Content-Disposition"]


def test_a_readme_explains_each_file(ada, log_in):
    files = download(log_in())
    readme = files["README.txt"].decode()
    assert "@ada" in readme
    for name in files.keys() - {"README.txt"}:
        assert f"\n{name}\n    " in readme, name


def test_times_end_in_z(ada, log_in):
    files = download(log_in())
    assert in_json(files, "profile")["date_joined"].endswith("Z")
    (session,) = in_json(files, "sessions")
    assert session["created_at"].endswith("Z")
    assert session["last_seen_at"].endswith("Z")


def test_sessions_are_in_it_without_their_keys(ada, log_in):
    client = log_in(user_agent="Telescope/1.0")
    files = download(client)
    (session,) = in_json(files, "sessions")
    assert (session["ip"], session["user_agent"]) == ("127.0.0.1", "Telescope/1.0")
    assert client.session.session_key.encode() not in b"".join(files.values())


def test_second_factors_are_in_it_without_their_secrets(ada):
    Authenticator.objects.create(user=ada, type="totp", data={"secret": "SECRET-CANARY"})
    client = Client()
    client.force_login(ada)
    files = download(client)
    (factor,) = in_json(files, "second-factors")
    assert factor["type"] == "totp"
    assert factor["created_at"].endswith("Z")
    assert b"SECRET-CANARY" not in b"".join(files.values())


def test_the_passwords_hash_is_not_in_it(ada, log_in):
    everything = b"".join(download(log_in()).values())
    assert ada.password.encode() not in everything
    assert b"argon2" not in everything


def test_notes_of_staff_about_the_account_are_in_it(ada, bob, log_in):
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
    (entry,) = in_json(files, "staff-log")
    assert (entry["action"], entry["note"]) == ("Change", "Asked by phone.")
    assert in_json(files, "profile")["groups"] == ["Astronomers"]
    assert b"bob-canary" not in b"".join(files.values())


def test_it_holds_nothing_of_anybody_else(ada, bob, log_in):
    log_in("bob-canary@example.org", user_agent="bob-canary")
    everything = b"".join(download(log_in()).values())
    assert b"bob-canary" not in everything


@pytest.mark.parametrize("parameter", ["user", "pk", "id", "handle", "email"])
def test_no_parameter_leads_to_somebody_elses(ada, bob, log_in, parameter):
    client = log_in()
    for value in (bob.pk, bob.handle, bob.email):
        files = download(client, f"?{parameter}={value}", **{parameter: str(value)})
        assert b"bob-canary" not in b"".join(files.values())
        assert in_json(files, "profile")["handle"] == "ada"


def test_another_app_adds_its_files(ada, log_in, source):
    source(PersonalFile("a.json", "Things.", [1]), PersonalFile("b.bin", "A picture.", b"\x00\xff"))
    files = download(log_in())
    assert json.loads(files["more/a.json"]) == [1]
    assert files["more/b.bin"] == b"\x00\xff"
    assert "more/b.bin\n    A picture." in files["README.txt"].decode()


def test_json_is_for_people_too(ada, log_in):
    ada.bio = "Später, “quoted”\nand ✨"
    ada.save()
    text = download(log_in())["account/profile.json"].decode()
    assert '\n  "bio": "Später, “quoted”\\nand ✨"' in text


def test_names_are_the_same_each_time(ada, log_in):
    client = log_in()
    assert list(download(client)) == list(download(client))


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "..\\evil"])
def test_a_file_that_would_land_elsewhere_is_refused(ada, source, name):
    source(PersonalFile(name, "Evil.", b""))
    with pytest.raises(ValueError, match="leave the folder"):
        export.build_archive(ada)


def test_a_large_export_is_put_together_on_disk(ada, source, monkeypatch):
    monkeypatch.setattr(export, "MAX_IN_MEMORY", 1000)
    source(PersonalFile("noise.bin", "Noise.", bytes(range(256)) * 40))
    archive = export.build_archive(ada)
    assert archive._rolled
    archive.close()


def test_two_of_one_name_are_refused(source):
    source()
    with pytest.raises(ValueError, match="twice"):
        source(PersonalFile("a.json", "Things.", []))
