"""Forms of the account pages."""

from __future__ import annotations

from typing import ClassVar

from django import forms

from accounts.models import User
from momentverse.timezones import TIME_ZONES


class ProfileForm(forms.ModelForm):
    """The public profile, and the user's time zone."""

    time_zone = forms.ChoiceField(choices=[(name, name) for name in sorted(TIME_ZONES)])

    class Meta:
        model = User
        fields = ("display_name", "bio", "time_zone")
        widgets: ClassVar = {
            "display_name": forms.TextInput(attrs={"autocomplete": "name"}),
            "bio": forms.Textarea(attrs={"rows": 4}),
        }
