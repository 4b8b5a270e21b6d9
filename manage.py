#!/usr/bin/env python
"""Django's command line for MomentVerse."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "momentverse.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        # What is wrong with a setting is said in a sentence, not in a traceback.
        sys.exit(f"MomentVerse cannot start. {error}")


if __name__ == "__main__":
    main()
