"""The URL of the sandbox's checkout page. In production the page does not exist."""

from __future__ import annotations

from django.urls import path

from timeline.views.payments import sandbox

urlpatterns = [path("<str:session_id>/", sandbox.checkout_page, name="sandbox")]
