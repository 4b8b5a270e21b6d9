"""Two sites and a worker with one database and one cache behave like one site."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import ExitStack

import psycopg
import pytest

from tests.support.database_servers import manage
from tests.support.servers import ROOT, http_get, wait_until

SITE_SETTINGS = {"DJANGO_SETTINGS_MODULE": "momentverse.settings", "WEB_PROCESSES": "2"}
# For tests that count requests: on a busy machine Redis may respond late, and then a site would use its
# own counter.
LONG_REDIS_TIMEOUT = {
    "DJANGO_SETTINGS_MODULE": "tests.support.served_settings",
    "TEST_REDIS_TIMEOUT": "10",
    "MOMENTVERSE_MODE": "embedded",
}
PAGES = ("/", "/timeline/", "/timeline/1969/07/20/", "/api/timeline")
TITLE = "Seen by everybody at once"


@pytest.fixture
def servers(own_postgresql, own_valkey, new_database, collected_files, tmp_path):
    """The environment that all processes share: a migrated database, collected static files, a cache."""
    new_database("several")
    shutil.copytree(collected_files, tmp_path / "static")
    url = own_postgresql.url("several", connection_limit=4)
    return SITE_SETTINGS | {"DATABASE_URL": url, "REDIS_URL": own_valkey.url}


@pytest.fixture
def serve_two_sites(serve, servers):
    """Return a function that serves two sites with the same servers, and more environment if given."""
    with ExitStack() as running:

        def start(**environment):
            return [running.enter_context(serve(**servers | environment)) for _ in range(2)]

        yield start


def add_moment(servers, data_dir, second):
    row = f"a,{TITLE} {second},1969-07-20T20:17:{second}Z,1969-07-20T20:18:00Z,UTC,,,,"
    path = data_dir / "one.csv"
    header = "external_id,title,starts_at,ends_at,time_zone,place,tags,story,source"
    path.write_text(f"{header}\n{row}\n")
    redis = {"REDIS_URL": servers["REDIS_URL"]}
    manage(servers["DATABASE_URL"], data_dir, "import_moments", str(path), **redis)


def test_it_works(serve_two_sites, servers, tmp_path):
    """A write by one process is on the next page of every process, whether it was cached or not."""
    sites = serve_two_sites()
    for site in sites:
        for page in PAGES:
            for _ in range(3):  # from more than one of its processes, and from the cache
                response = http_get(site.url + page)
                assert response.status == 200, page
                assert TITLE not in response.text
    add_moment(servers, tmp_path, 40)
    for site in sites:
        for page in PAGES:
            for _ in range(3):
                assert f"{TITLE} 40" in http_get(site.url + page).text, (site.url, page)


def test_limit_is_shared_by_all_processes(serve_two_sites):
    """A network may make as many requests as the limit allows, at all sites and processes together."""
    one, other = serve_two_sites(RATE_LIMIT_PER_MINUTE="20", **LONG_REDIS_TIMEOUT)
    statuses = [
        http_get(f"{site.url}/api/timeline").status for _ in range(20) for site in (one, other)
    ]
    # A window that has just ended counts in part.
    assert 20 <= statuses.count(200) <= 22
    assert statuses.count(429) == 40 - statuses.count(200)


def test_worker_serves_all_sites(serve_two_sites, servers, tmp_path):
    """The worker folds the counts of a claim, and then every site reads the folded ones."""
    sites = serve_two_sites()
    add_moment(servers, tmp_path, 41)
    with (
        psycopg.connect(servers["DATABASE_URL"].split("&")[0], autocommit=True) as database,
        (tmp_path / "worker.log").open("wb") as log,
    ):
        database.execute("UPDATE rollup_days SET dirty = true")
        worker = subprocess.Popen(
            [sys.executable, "manage.py", "worker"],
            cwd=ROOT,
            env=sites[0].environment,
            stdout=log,
            stderr=log,
        )
        try:
            dirty = "SELECT count(*) FROM rollup_days WHERE dirty"
            wait_until(lambda: database.execute(dirty).fetchone() == (0,), "the worker has folded")
        finally:
            worker.terminate()
            assert worker.wait(timeout=30) == 0
    for site in sites:
        assert f"{TITLE} 41" in http_get(f"{site.url}/timeline/1969/07/20/").text
