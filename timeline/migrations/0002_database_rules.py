"""Installs the rules that live in the database: see ``timeline/database_rules.py``."""

from django.db import migrations

from timeline.db.triggers import install_rules


class Migration(migrations.Migration):
    dependencies = [("timeline", "0001_initial")]

    # Back: nothing to do, the tables go with the migration before; installing again replaces.
    operations = [migrations.RunPython(install_rules, migrations.RunPython.noop)]
