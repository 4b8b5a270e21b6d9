"""Biome, which lints and formats our scripts and styles."""
