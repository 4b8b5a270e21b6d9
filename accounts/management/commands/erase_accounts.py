"""``manage.py erase_accounts``: erases the accounts whose deletion is due."""

from __future__ import annotations

import logging
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.privacy import erasure

logger = logging.getLogger("accounts.erasure")


class Command(BaseCommand):
    """Erases one account after another. A failure is logged and does not stop the others."""

    help = "Erase the accounts whose deletion is due."

    def handle(self, *args: Any, **options: Any) -> None:
        erased = failed = 0
        for pk in erasure.due_for_erasure():
            try:
                done = erasure.erase(pk)
            except Exception:
                logger.exception("account not erased: %s", pk)
                failed += 1
            else:
                erased += done
        self.stdout.write(f"{erased} accounts erased.")
        if failed:
            raise CommandError(f"{failed} accounts could not be erased; the log says why.")
