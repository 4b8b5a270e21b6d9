"""Whose page, feed or calendar is asked for."""

from __future__ import annotations

from django.http import Http404

from accounts.models import User


def person(handle: str) -> User:
    """Return the person with this handle. Raises Http404."""
    owner = User.objects.filter(handle=handle.lower(), is_active=True).first()
    if owner is None:
        raise Http404("There is nobody with this handle.")
    return owner
