"""The full-text index of public moments: see ``timeline/db/search_index.py`` and ``timeline/db/sql/search.py``.

Not atomic. On PostgreSQL the triggers are created first, then the existing moments are indexed
in batches while others write, and then the indexes are built without a lock on writers. If the
migration is killed halfway, run it again: it continues where it stopped.
"""

from django.db import migrations

from timeline.db.search_index import drop_search_index, install_search_index


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("timeline", "0004_database_rules")]

    operations = [migrations.RunPython(install_search_index, drop_search_index)]
