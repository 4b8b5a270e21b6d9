"""The sandbox's own pages, which play those of a provider. In production there are none."""

from __future__ import annotations

from django.urls import path

from timeline.views.payments import sandbox

urlpatterns = [path("<str:session_id>/", sandbox.checkout_page, name="sandbox")]
