"""The chart and the list in Chromium, on a large table, compared with vis-timeline and 100 items.

``python -m tests.benchmarks.chart [--large N] [--large-url URL] [--scrolled N] [--rounds N]``

The same Chromium opens both pages in turns, each time with an empty cache, and
the same script measures when each has drawn its first view. npm installs
vis-timeline beside this file. Its items are part of its page, while our moments
are in a database. ``--large-url`` names a database that already has moments.
"""

from __future__ import annotations

import argparse
import functools
import http.server
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from psycopg.errors import DuplicateDatabase

from tests.benchmarks.databases import connect_to_server
from tests.browser.conftest import CHROMIUM_ARGUMENTS, find_chromium
from tests.support.servers import ROOT, database_and_cache, gunicorn, site_environment, wait_until

VIS = "vis-timeline@8.5.4"
HERE = Path(__file__).parent
ITEMS = 100
# Checks a condition at the beginning of each frame, and records the end of the first frame in which it holds.
MEASURE_FIRST_VIEW = """
  globalThis.firstView = null;
  const look = () => {
    if (document.body && (() => %s)()) {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => { firstView = performance.now(); };
      channel.port2.postMessage(0);
    } else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
"""
VIS_ITEMS = f"vis-timeline, {ITEMS} items"
DRAWN = "document.querySelectorAll('.chart-bar').length > 0"
INTERACTIVE = "document.querySelector('.chart-tools') !== null"
# Our path, or "" for vis-timeline's page, and the condition for a complete first view.
FIRST_VIEWS = {
    VIS_ITEMS: ("", "document.querySelectorAll('.vis-item').length > 0"),
    "all centuries, drawn": ("/timeline/centuries/", DRAWN),
    "all centuries, interactive": ("/timeline/centuries/", INTERACTIVE),
    "a century's page, drawn": ("/timeline/centuries/20/", DRAWN),
    "a century's page, interactive": ("/timeline/centuries/20/", INTERACTIVE),
}
VIS_PAGE = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>vis</title>
<link rel="stylesheet" href="vis-timeline-graph2d.min.css"></head><body><div id="place"></div>
<script src="vis-timeline-graph2d.min.js"></script><script>
const items = Array.from({ length: %d }, (_, n) => {
  const start = new Date(Date.UTC(1900, 0, 1) + n * 438 * 864e5);
  return { id: n, content: `Test moment ${n}`, start, end: new Date(+start + 36e5) };
});
new vis.Timeline(document.getElementById("place"), new vis.DataSet(items), {});
</script></body></html>"""
# Records how long events took until the next paint, if over 16 ms, and the duration of tasks over 50 ms.
RECORD_DELAYS = """
  globalThis.delays = []; globalThis.long = [];
  new PerformanceObserver((list) => { for (const e of list.getEntries()) delays.push(e.duration); })
    .observe({ type: "event", durationThreshold: 16 });
  new PerformanceObserver((list) => { for (const e of list.getEntries()) long.push(e.duration); })
    .observe({ type: "longtask" });
"""
# Scrolls in every frame, and counts the moments that were in the list.
SCROLL_AND_COUNT = """
  globalThis.passed = document.querySelectorAll(".moment").length;
  new MutationObserver((records) => {
    for (const { addedNodes } of records) passed += addedNodes.length;
  }).observe(document.querySelector(".moments"), { childList: true });
  const go = () => { if (!globalThis.halt) { scrollBy(0, 1200); requestAnimationFrame(go); } };
  go();
"""


def main() -> int:
    options = read_options()
    with (
        tempfile.TemporaryDirectory(prefix="momentverse-benchmark-") as folder,
        site(options, Path(folder)) as url,
        vis_timeline(Path(folder)) as vis_url,
        sync_playwright() as playwright,
    ):
        chromium = playwright.chromium.launch(
            executable_path=find_chromium(),
            args=[*CHROMIUM_ARGUMENTS, "--enable-precise-memory-info"],
        )
        compare_first_views(chromium, url, vis_url, options.rounds)
        use_chart(chromium, url)
        scroll(chromium, url, options.scrolled)
        chromium.close()
    return 0


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--large", type=int, default=1_000_000)
    parser.add_argument("--large-url", default="")
    parser.add_argument("--scrolled", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=15)
    return parser.parse_args()


@contextmanager
def site(options: argparse.Namespace, folder: Path) -> Iterator[str]:
    """Serve a site with the large table, and yield its URL."""
    with database_and_cache(durable=True) as urls:
        database = options.large_url or urls["DATABASE_URL"]
        environment = site_environment(folder, DATABASE_URL=database, LOG_LEVEL="ERROR")
        commands = [["collectstatic", "--noinput", "-v0"]]
        if not options.large_url:
            with connect_to_server(database) as server, suppress(DuplicateDatabase):
                server.execute("CREATE DATABASE momentverse")
            years = ["--from-year", "1900", "--to-year", "2020"]
            commands += [["migrate", "-v0"], ["generate_moments", str(options.large), *years]]
        for command in commands:
            subprocess.run(
                [sys.executable, "manage.py", *command], cwd=ROOT, env=environment, check=True
            )
        with gunicorn(environment) as served:
            yield served.url


@contextmanager
def vis_timeline(folder: Path) -> Iterator[str]:
    """Serve a page with vis-timeline and its items from this machine, and yield its URL."""
    install = [
        "npm",
        "install",
        "--no-save",
        "--no-package-lock",
        "--silent",
        "--prefix",
        str(HERE),
    ]
    subprocess.run([*install, VIS], check=True)
    package = HERE / "node_modules/vis-timeline"
    for file in (
        package / "standalone/umd/vis-timeline-graph2d.min.js",
        package / "styles/vis-timeline-graph2d.min.css",
    ):
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "vis.html").write_text(VIS_PAGE % ITEMS)
    handler = functools.partial(QuietHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/vis.html"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files without logging requests."""

    def log_message(self, *arguments: object) -> None:
        pass


def compare_first_views(chromium: Browser, url: str, vis_url: str, rounds: int) -> None:
    times: dict[str, list[float]] = {name: [] for name in FIRST_VIEWS}
    nodes = {}
    warm_up(chromium, [url + path for path, _ in FIRST_VIEWS.values() if path] + [vis_url])
    for _ in range(rounds):
        for name, (path, condition) in FIRST_VIEWS.items():
            context = chromium.new_context(viewport={"width": 1440, "height": 900})
            page = context.new_page()
            page.add_init_script(MEASURE_FIRST_VIEW % condition)
            page.goto(url + path if path else vis_url)
            until(page, "firstView !== null")
            times[name].append(page.evaluate("firstView"))
            nodes[name] = page.evaluate("document.querySelectorAll('*').length")
            context.close()
    base = statistics.median(times[VIS_ITEMS])
    print(f"{'first view':28}{'median ms':>10}{'ratio':>8}{'nodes':>8}   ({rounds} rounds)")
    for name, durations in times.items():
        median = statistics.median(durations)
        print(f"{name:28}{median:10.0f}{median / base:8.2f}{nodes[name]:8}")


def warm_up(chromium: Browser, addresses: list[str]) -> None:
    """Open every page once, so that the start of servers and browser is not measured."""
    for address in addresses:
        page = chromium.new_page()
        page.goto(address)
        page.close()


def use_chart(chromium: Browser, url: str) -> None:
    """Zoom from a century to an hour, drag, use the keys, and print the slowest reactions."""
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    page.add_init_script(RECORD_DELAYS)
    page.goto(f"{url}/timeline/centuries/20/")
    page.locator(".chart-tools").wait_for()
    box = page.locator(".chart-svg").bounding_box()
    assert box
    middle = box["x"] + box["width"] / 2
    page.mouse.move(middle - 30, box["y"] + 80)
    page.mouse.move(middle, box["y"] + 80, steps=3)
    for _ in range(60):
        page.mouse.wheel(0, -100)
    for _ in range(5):
        page.mouse.down()
        page.mouse.move(middle - 300, box["y"] + 80, steps=30)
        page.mouse.up()
        page.mouse.move(middle, box["y"] + 80)
    page.locator(".chart").focus()
    for key in ["+", "ArrowRight", "ArrowRight", "-", "-", "PageDown", "Home", "End"] * 4:
        page.keyboard.press(key)
    until(page, "history.state !== null")
    delays, long = page.evaluate("[delays, long]")
    scripts = page.evaluate(
        "performance.getEntriesByType('resource').filter(e => e.name.endsWith('.js'))"
        ".reduce((sum, e) => sum + e.encodedBodySize, 0)"
    )
    print(
        f"\nusing the chart: slowest reaction {max(delays, default=0):.0f} ms of {len(delays)} over 16 ms,"
        f" {len([task for task in long if task > 50])} tasks over 50 ms, {scripts} bytes of script"
    )
    page.close()


def scroll(chromium: Browser, url: str, number: int) -> None:
    """Scroll through many moments, and print the growth of the document and of its memory."""
    page = chromium.new_page(viewport={"width": 1440, "height": 900})
    page.add_init_script(RECORD_DELAYS)
    page.goto(f"{url}/timeline/")
    page.locator(".list-status").wait_for(state="attached")
    session = page.context.new_cdp_session(page)
    page.evaluate(SCROLL_AND_COUNT)
    print(
        f"\n{'moments scrolled':>18}{'nodes':>8}{'heap MB':>10}{'tasks > 50 ms':>15}{'longest':>9}"
    )
    for goal in range(number // 10, number + 1, number // 10):
        wait_until(lambda goal=goal: page.evaluate("passed") >= goal, "the list scrolls", 600)
        session.send("HeapProfiler.collectGarbage")
        nodes, heap, long = page.evaluate(
            "[document.querySelectorAll('*').length, performance.memory.usedJSHeapSize, long]"
        )
        print(
            f"{goal:18,}{nodes:8}{heap / 1e6:10.2f}{len([t for t in long if t > 50]):15}"
            f"{max(long, default=0):9.0f}",
            flush=True,
        )
    page.evaluate("globalThis.halt = true")
    page.close()


def until(page: Page, condition: str) -> None:
    wait_until(lambda: bool(page.evaluate(condition)), condition)


if __name__ == "__main__":
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    sys.exit(main())
