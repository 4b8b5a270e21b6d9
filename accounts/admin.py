"""People in the admin."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.forms import ModelForm
from django.http import HttpRequest

from accounts.models import User
from momentverse.admin.pagination import LargeTableAdmin


class UserCreationForm(AdminUserCreationForm):
    """Asks for what a user needs: e-mail, handle, password."""

    class Meta:
        model = User
        fields = ("email", "handle")


@admin.register(User)
class UserAdmin(LargeTableAdmin, DjangoUserAdmin):
    """Searchable list and forms of people."""

    add_form = UserCreationForm
    list_display = ("email", "handle", "display_name", "is_staff", "is_active", "date_joined")
    list_filter = ("is_staff", "is_superuser", "is_active")
    search_fields = ("email", "handle", "display_name")
    ordering = ("-date_joined",)
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", "password")}),
        ("Profile", {"fields": ("handle", "display_name", "bio", "time_zone")}),
        (
            "Permissions",
            {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")},
        ),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"fields": ("email", "handle", "usable_password", "password1", "password2")}),
    )

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm, change: bool) -> None:
        """Save; staff who enters an address vouches for it."""
        super().save_model(request, obj, form, change)
        if not change or "email" in form.changed_data:
            obj.vouch_for_email()
