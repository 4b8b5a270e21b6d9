"""The words of public moments, indexed: see ``timeline/search_rules.py`` and ``search_index.py``.

Not one transaction: on PostgreSQL the triggers come first, then what is there
is indexed batch by batch beside whoever writes, then the index is built without
a lock on writers. Killed halfway it is run again and goes on where it was.
"""

from django.db import migrations

from timeline.db.search_index import drop_search_index, install_search_index


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("timeline", "0004_likes_and_reports")]

    operations = [migrations.RunPython(install_search_index, drop_search_index)]
