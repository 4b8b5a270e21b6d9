"""The scores that Mozilla's HTTP Observatory gives to responses of every kind.

The highest possible score is 145: 100, plus

- 10 for a content security policy that loads nothing by default,
- 10 for Cross-Origin-Resource-Policy,
- 5 for frame-ancestors,
- 5 for the referrer policy,
- 5 for secure cookies, which a page without cookies does not get,
- 5 for being in the browsers' HSTS preload lists, which a response alone cannot achieve,
- 5 for integrity hashes on the site's own scripts. We do without them, because the scripts come from
  the same server as the page. A page without scripts does not get these points either.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from dataclasses import replace

import pytest

from tests.browser.conftest import ServedSite
from tests.lighthouse import tools
from tests.lighthouse.observatory import PRELOADED, fetch, score_responses
from tests.support.servers import gunicorn, postgresql, site_environment, valkey

HOST = "momentverse.example"
# 145, minus 5 each for what a page may lack: cookies, the preload lists and integrity hashes.
BASE_SCORE = 130
COOKIES, PRELOAD, EMBEDDED = 5, 5, -10
EXPECTED_SCORES = {
    "a page from the cache": BASE_SCORE,
    "a page from the cache, in the lists": BASE_SCORE + PRELOAD,
    "a moment": BASE_SCORE,
    "a page that is not cached": BASE_SCORE,
    "a form": BASE_SCORE + COOKIES,
    "a form, in the lists": BASE_SCORE + COOKIES + PRELOAD,
    "a page of one's own": BASE_SCORE,
    "the admin": BASE_SCORE + COOKIES,
    "an error": BASE_SCORE,
    "a redirect": BASE_SCORE,
    "the API": BASE_SCORE,
    "an error of the API": BASE_SCORE,
    "a feed": BASE_SCORE,
    "a file": BASE_SCORE,
    # Made to be embedded in other sites, which the policies that earn these points would prevent.
    "an embedded card": BASE_SCORE + EMBEDDED,
}
EXPECTED_STATUSES = {"an error": 404, "an error of the API": 404, "a redirect": 302}
CREATE_SESSION = """
from django.conf import settings
from django.test import Client
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from accounts.models import User
chief = User.objects.create_superuser("root@example.org", "chief")
TOTP.activate(chief, generate_totp_secret())
client = Client()
client.force_login(chief)
print("session:", client.cookies[settings.SESSION_COOKIE_NAME].value)
"""


@pytest.fixture(scope="module", autouse=True)
def _tools() -> None:
    try:
        tools.install()
    except tools.ToolsMissing as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"npm cannot install the Observatory's scoring here: {error}")


@pytest.fixture(scope="module")
def responses(tmp_path_factory, collected_files):
    """One response of each kind, from a site in production mode behind an HTTPS proxy."""
    folder = tmp_path_factory.mktemp("observatory")
    with postgresql() as database, valkey() as cache:
        environment = site_environment(
            folder,
            MOMENTVERSE_MODE="production",
            DATABASE_URL=database.url(connection_limit=20),
            REDIS_URL=cache.url,
            SECRET_KEY=secrets.token_urlsafe(50),
            SITE_URL=f"https://{HOST}",
            ALLOWED_HOSTS=f"{HOST},{PRELOADED},127.0.0.1",
            TRUSTED_PROXIES="1",
            EMAIL_URL="console:",
        )
        shutil.copytree(collected_files, folder / "static")  # so bootstrap need not compress them
        site = ServedSite(f"http://{environment['BIND']}", environment)
        site.manage("bootstrap", "--without-moments")
        site.manage("generate_moments", "20", "--from-year", "2000", "--to-year", "2000")
        session = re.search("session: (.+)", site.manage("shell", script=CREATE_SESSION))[1]
        site.close()
        with gunicorn(environment):
            yield fetch_every_kind(site.url, {"Cookie": f"__Host-session={session}"})


def fetch_every_kind(site, session_cookie):
    fetch(site, "/timeline/", HOST)
    cached = fetch(site, "/timeline/", HOST)
    moment = re.search(r'href="(/moments/([^/]+)/[^"]+)"', cached.body)
    script = re.search(r'data-after-paint="(/static/[^"]+\.js)"', cached.body)[1]
    return {
        "a page from the cache": cached,
        "a page from the cache, in the lists": fetch(site, "/timeline/", PRELOADED),
        "a moment": fetch(site, moment[1], HOST),
        "a page that is not cached": fetch(site, "/search/?q=moment", HOST),
        "a form": fetch(site, "/accounts/login/", HOST),
        "a form, in the lists": fetch(site, "/accounts/login/", PRELOADED),
        "a page of one's own": fetch(site, "/moments/mine/", HOST, **session_cookie),
        "the admin": fetch(site, "/admin/", HOST, **session_cookie),
        "an error": fetch(site, "/nothing/", HOST),
        "a redirect": fetch(site, "/accounts/", HOST),
        "the API": fetch(site, "/api/timeline", HOST),
        "an error of the API": fetch(site, "/api/nothing", HOST),
        "a feed": fetch(site, "/feed.atom", HOST),
        "a file": fetch(site, script, HOST),
        "an embedded card": fetch(site, f"/embed/{moment[2]}/", HOST),
    }


@pytest.fixture(scope="module")
def scores(responses):
    return score_responses(responses)


def test_it_works(responses, scores):
    assert {name: score.score for name, score in scores.items()} == EXPECTED_SCORES
    statuses = {name: responses[name].status for name in EXPECTED_SCORES}
    assert statuses == dict.fromkeys(EXPECTED_SCORES, 200) | EXPECTED_STATUSES


def test_no_test_deducts_points(scores):
    deductions = {
        f"{name}: {reason}"
        for name, score in scores.items()
        for reason, points in score.points.items()
        if points < 0
    }
    assert deductions == set()


def test_highest_possible_score_is_145(responses):
    """A page with everything that earns points has the score that is explained above."""
    page = responses["a form, in the lists"]
    script = '<script src="/x.js" integrity="sha384-x"></script>'
    (best,) = score_responses(
        {"": replace(page, body=f"<!DOCTYPE html><title>x</title>{script}")}
    ).values()
    assert best.score == 145


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        # Below 90 there are no extra points.
        ("content-security-policy", 75),
        ("strict-transport-security", 80),
        ("x-content-type-options", BASE_SCORE - 5),
        ("referrer-policy", BASE_SCORE - 5),
        ("cross-origin-resource-policy", BASE_SCORE - 10),
    ],
)
def test_missing_header_lowers_the_score(responses, header, expected):
    page = responses["a page from the cache"]
    headers = {name: values for name, values in page.headers.items() if name != header}
    (score,) = score_responses({"": replace(page, headers=headers)}).values()
    assert score.score == expected
