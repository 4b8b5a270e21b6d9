"""The labels of form fields."""

from __future__ import annotations

from django import template
from django.forms import BoundField

register = template.Library()

# Fields whose forms are django-allauth's, or made from a model.
LABELS = {
    "email": "E-mail address",
    "login": "E-mail address",
    "username": "Handle",
    "oldpassword": "Current password",
    "password1": "Password",
    "password2": "New password, once more",
    "code": "Code",
    "display_name": "Name",
    "bio": "About you",
}


@register.filter
def field_label(field: BoundField) -> str:
    """Return the label of a form's field."""
    # A form that has the password twice replaces an earlier one.
    if field.name == "password1" and "password2" in field.form.fields:
        return "New password"
    return LABELS.get(field.name) or str(field.label)
