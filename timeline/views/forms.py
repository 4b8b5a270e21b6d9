"""What the site's own forms share: where the cursor is when something is wrong."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError


class AutofocusBoundField(forms.BoundField):
    """A field that has the cursor when it alone needs another look."""

    def build_widget_attrs(self, attrs: dict[str, Any], widget: Any = None) -> dict[str, Any]:
        """Add the focus to what Django says of a wrong field."""
        built: dict[str, Any] = super().build_widget_attrs(attrs, widget)
        if list(self.form.errors) == [self.name]:
            built["autofocus"] = True
        return built


class BaseForm(forms.Form):
    """A form whose template says labels, help and problems."""

    bound_field_class = AutofocusBoundField

    def add_validation_error(self, error: ValidationError) -> None:
        """Show what a rule has refused: at the fields that it names, else above them all."""
        if not hasattr(error, "error_dict"):
            self.add_error(None, error)
            return
        for name, errors in error.error_dict.items():
            self.add_error(name if name in self.fields else None, errors)
