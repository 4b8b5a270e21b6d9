"""The base class of the site's own forms."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError


class AutofocusBoundField(forms.BoundField):
    """A field that gets the focus if it is the only one with an error."""

    def build_widget_attrs(self, attrs: dict[str, Any], widget: Any = None) -> dict[str, Any]:
        built: dict[str, Any] = super().build_widget_attrs(attrs, widget)
        if list(self.form.errors) == [self.name]:
            built["autofocus"] = True
        return built


class BaseForm(forms.Form):
    """A form whose template renders labels, help texts and errors, and which can show errors of services."""

    bound_field_class = AutofocusBoundField

    def add_validation_error(self, error: ValidationError) -> None:
        """Add the errors of a service or model to the fields they name, and the rest to the form."""
        if not hasattr(error, "error_dict"):
            self.add_error(None, error)
            return
        for name, errors in error.error_dict.items():
            self.add_error(name if name in self.fields else None, errors)
