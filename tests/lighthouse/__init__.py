"""Lighthouse, an HTML checker and the HTTP Observatory's scoring, for the pages of a served site."""
