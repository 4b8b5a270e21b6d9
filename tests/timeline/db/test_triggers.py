"""The rules in the database survive migrations of its tables."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, models

from timeline.core.exceptions import SpanTaken
from timeline.db.triggers import drop_sqlite_triggers, install_rules, restore_sqlite_triggers
from timeline.models import Moment, MomentTag, RollupDay
from timeline.services import rollups

pytestmark = pytest.mark.django_db(transaction=True)


def assert_rules_hold(make_moment):
    make_moment("2020-01-01", 60)
    with pytest.raises(SpanTaken):
        make_moment("2020-01-01", 60)
    assert rollups.find_differences() == []
    assert RollupDay.objects.get().moments == 1


def test_it_works(make_moment):
    assert_rules_hold(make_moment)


def test_installing_again_replaces_the_rules(make_moment):
    with connection.schema_editor() as editor:
        install_rules(apps, editor)
    assert_rules_hold(make_moment)


@pytest.mark.parametrize("model", [Moment, MomentTag, RollupDay])
def test_table_with_triggers_can_be_altered(make_moment, model):
    """On SQLite, Django rebuilds an altered table. Its triggers are lost, and others that use it break."""
    drop_sqlite_triggers()
    field = models.IntegerField(default=0)
    field.set_attributes_from_name("something_new")
    field.model = model
    with connection.schema_editor() as editor:
        editor.add_field(model, field)
    with connection.schema_editor() as editor:
        editor.remove_field(model, field)
    restore_sqlite_triggers()
    assert_rules_hold(make_moment)


def test_migrate_drops_and_restores_the_triggers(make_moment):
    call_command("migrate", verbosity=0)
    assert_rules_hold(make_moment)


def test_flush_leaves_no_counts_behind(make_moment):
    make_moment("2020-01-01", 60)
    rollups.fold()
    call_command("flush", interactive=False, verbosity=0)
    assert not RollupDay.objects.exists()
    assert rollups.find_differences() == []
