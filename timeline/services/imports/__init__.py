"""Real moments from files: readers, one row type, one importer."""
