"""``manage.py reconcile_payments``: poll the payment providers for everything that is open."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from timeline.services.payments.reconciliation import reconcile


class Command(BaseCommand):
    """Settles what no webhook reported. Safe to run at any time, and twice at once."""

    help = "Ask the payment providers about every open order, and settle what has come of it."

    def handle(self, *args: Any, **options: Any) -> None:
        done = reconcile()
        self.stdout.write(", ".join(f"{count} {kind}" for kind, count in done.items()) + ".")
