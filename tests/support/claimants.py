"""A process that claims spans with many threads, for races between several processes.

Run by ``python -m tests.support.claimants``. It reads one line of JSON for each
round from standard input: ``[[person, start, seconds], …]``. It claims all spans
of the round at once, and writes ``[{"held": …, "taken": …}, [milliseconds, …]]``.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import django


def main() -> None:
    django.setup()
    from django.db import connection

    from accounts.models import User
    from timeline.core.exceptions import SpanTaken
    from timeline.core.spans import Span, parse_instant
    from timeline.services.payments.holds import hold_or_expire

    times: list[float] = []

    def claim(arguments: list) -> str:
        person, start, seconds = arguments
        starts_at = parse_instant(start)
        span = Span(starts_at, starts_at + dt.timedelta(seconds=seconds))
        user = User.objects.get(pk=person)
        started = time.perf_counter()
        try:
            hold_or_expire(user, span)
        except SpanTaken:
            return "taken"
        except Exception as error:  # noqa: BLE001  any error is an outcome
            return f"{type(error).__name__}: {error}"
        finally:
            times.append((time.perf_counter() - started) * 1000)
            connection.close()
        return "held"

    print("ready", flush=True)
    with ThreadPoolExecutor(25) as pool:
        for line in sys.stdin:
            times.clear()
            outcomes = Counter(pool.map(claim, json.loads(line)))
            print(json.dumps([outcomes, times]), flush=True)


if __name__ == "__main__":
    main()
