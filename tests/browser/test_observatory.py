"""Every kind of answer as Mozilla's HTTP Observatory scores it.

Its scoring can give 145 at most: 100, and 10 for a policy whose default is to load nothing, 5 for cookies
that are well set, 5 for the referrer, 5 for standing in browsers' own lists of https sites, 5 for hashes on
the site's own scripts, 5 for frame-ancestors, 10 for Cross-Origin-Resource-Policy. A page that sets no cookie
gets no points for cookies, and one without a script none for its hash. Nobody gets into the lists by what
an answer says alone; and the scripts' hashes are left out: they come from where the page comes from.
"""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import replace

import pytest

from tests.browser.conftest import ServedSite
from tests.lighthouse import tools
from tests.lighthouse.observatory import PRELOADED, fetch, scores
from tests.support.servers import gunicorn, postgresql, site_environment, valkey

HOST = "momentverse.example"
# Of 145 without the three that a page may not have: cookies, the lists, hashes of its scripts.
EVERYWHERE = 130
COOKIES, LISTED, EMBEDDED = 5, 5, -10
KINDS = {
    "a page from the cache": EVERYWHERE,
    "a page from the cache, in the lists": EVERYWHERE + LISTED,
    "a moment": EVERYWHERE,
    "a page that is not cached": EVERYWHERE,
    "a form": EVERYWHERE + COOKIES,
    "a form, in the lists": EVERYWHERE + COOKIES + LISTED,
    "a page of one's own": EVERYWHERE,
    "the admin": EVERYWHERE + COOKIES,
    "an error": EVERYWHERE,
    "a redirect": EVERYWHERE,
    "the API": EVERYWHERE,
    "an error of the API": EVERYWHERE,
    "a feed": EVERYWHERE,
    "a file": EVERYWHERE,
    # Meant to be shown by other sites, whose browsers would refuse it.
    "an embedded card": EVERYWHERE + EMBEDDED,
}
STATUSES = {"an error": 404, "an error of the API": 404, "a redirect": 302}
LOG_IN = """
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
def answers(tmp_path_factory):
    """One answer of each kind, of a site in production behind a proxy that speaks https."""
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
        site = ServedSite(f"http://{environment['BIND']}", environment)
        site.manage("bootstrap", "--without-moments")
        site.manage("generate_moments", "20", "--from-year", "2000", "--to-year", "2000")
        session = re.search("session: (.+)", site.manage("shell", script=LOG_IN))[1]
        site.close()
        with gunicorn(environment):
            yield every_kind(site.url, {"Cookie": f"__Host-session={session}"})


def every_kind(site, logged_in):
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
        "a page of one's own": fetch(site, "/moments/mine/", HOST, **logged_in),
        "the admin": fetch(site, "/admin/", HOST, **logged_in),
        "an error": fetch(site, "/nothing/", HOST),
        "a redirect": fetch(site, "/accounts/", HOST),
        "the API": fetch(site, "/api/timeline", HOST),
        "an error of the API": fetch(site, "/api/nothing", HOST),
        "a feed": fetch(site, "/feed.atom", HOST),
        "a file": fetch(site, script, HOST),
        "an embedded card": fetch(site, f"/embed/{moment[2]}/", HOST),
    }


@pytest.fixture(scope="module")
def scored(answers):
    return scores(answers)


def test_it_works(answers, scored):
    assert {name: score.score for name, score in scored.items()} == KINDS
    statuses = {name: answers[name].status for name in KINDS}
    assert statuses == dict.fromkeys(KINDS, 200) | STATUSES


def test_nothing_takes_a_point(scored):
    taken = {
        f"{name}: {why}"
        for name, score in scored.items()
        for why, points in score.points.items()
        if points < 0
    }
    assert taken == set()


def test_its_scoring_gives_no_more_than_is_said_above(answers):
    """A page with all that can earn points: 145."""
    page = answers["a form, in the lists"]
    script = '<script src="/x.js" integrity="sha384-x"></script>'
    (best,) = scores({"": replace(page, body=f"<!DOCTYPE html><title>x</title>{script}")}).values()
    assert best.score == 145


@pytest.mark.parametrize(
    ("header", "left"),
    [
        # Below 90 nothing is given besides.
        ("content-security-policy", 75),
        ("strict-transport-security", 80),
        ("x-content-type-options", EVERYWHERE - 5),
        ("referrer-policy", EVERYWHERE - 5),
        ("cross-origin-resource-policy", EVERYWHERE - 10),
    ],
)
def test_a_header_that_is_missing_is_noticed(answers, header, left):
    page = answers["a page from the cache"]
    headers = {name: values for name, values in page.headers.items() if name != header}
    (score,) = scores({"": replace(page, headers=headers)}).values()
    assert score.score == left
