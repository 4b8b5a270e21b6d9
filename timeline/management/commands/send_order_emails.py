"""``manage.py send_order_emails``: send the waiting e-mails about orders."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from timeline.services.payments.emails import send_due_emails


class Command(BaseCommand):
    """Sends each e-mail at most once. Safe to run at any time, and twice at once."""

    help = "Send the mails about orders that wait, among them those that a mail server has refused."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{send_due_emails()} sent.")
