"""``manage.py generate_moments 5000000``: create many disjoint test moments."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from timeline.core.exceptions import TimelineError
from timeline.services.imports.sample_data import SampleData
from timeline.services.imports.sample_writer import generate_moments


class Command(BaseCommand):
    """Create test moments for performance measurements."""

    help = "Make N disjoint test moments, plainly marked as such, to measure with."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("count", type=int, metavar="N", help="how many moments")
        parser.add_argument("--from-year", type=int, default=SampleData.from_year)
        parser.add_argument("--to-year", type=int, default=SampleData.to_year, help="included")
        parser.add_argument(
            "--seed", type=int, default=SampleData.seed, help="same seed, same moments"
        )
        parser.add_argument(
            "--owners", type=int, default=SampleData.owners, help="number of accounts"
        )
        parser.add_argument("--workers", type=int, default=2, help="connections that write at once")
        parser.add_argument("--no-tags", action="store_false", dest="tags")

    def handle(self, *args: Any, **options: Any) -> None:
        fields = ("count", "from_year", "to_year", "seed", "owners", "tags")
        started = time.perf_counter()
        try:
            sample = SampleData(**{name: options[name] for name in fields})
            with tqdm(total=sample.count, unit=" moments", disable=None) as bar:
                created = generate_moments(sample, bar.update, workers=max(options["workers"], 1))
        except TimelineError as error:
            raise CommandError(str(error)) from error
        seconds = time.perf_counter() - started
        self.stdout.write(
            f"{created} moments in {seconds:.1f} s, {created / seconds:.0f} a second."
        )
