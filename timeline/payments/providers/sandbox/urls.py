"""The sandbox's own pages, which play those of a provider. In production there are none."""

from __future__ import annotations

from django.urls import path

from timeline.payments.providers.sandbox import pages

urlpatterns = [path("<str:session_id>/", pages.till, name="sandbox")]
