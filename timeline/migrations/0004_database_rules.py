"""The rules that the database enforces itself: no overlaps, counts, likes, and the hold function.

See ``timeline/db/triggers.py``.
"""

from django.db import migrations

from timeline.db.triggers import install_rules


class Migration(migrations.Migration):
    dependencies = [("timeline", "0003_likes_reports_and_pictures")]

    # Nothing to undo: the rules go with their tables, and installing them again replaces them.
    operations = [migrations.RunPython(install_rules, migrations.RunPython.noop)]
