"""Lighthouse and an HTML checker over pages of a served site."""
