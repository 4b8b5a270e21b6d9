"""Biome, which lints and formats the site's scripts and styles."""
