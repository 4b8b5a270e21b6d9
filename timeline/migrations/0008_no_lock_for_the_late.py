from django.db import migrations

from timeline.db.triggers import install_rules


class Migration(migrations.Migration):
    dependencies = [("timeline", "0007_feed_indexes")]

    operations = [migrations.RunPython(install_rules, migrations.RunPython.noop)]
