"""Bulk imports: file readers, computed astronomy, the importer for their rows, and sample data."""
