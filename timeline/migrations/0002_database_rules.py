"""Installs the rules that live in the database: see ``timeline/database_rules.py``."""

from django.db import migrations

from timeline.database_rules import install_rules


class Migration(migrations.Migration):
    dependencies = [("timeline", "0001_initial")]

    operations = [migrations.RunPython(install_rules, migrations.RunPython.noop)]
