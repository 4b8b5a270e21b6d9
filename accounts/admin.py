"""The admin of users."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.forms import ModelForm
from django.http import HttpRequest

from accounts.models import User
from momentverse.admin.pagination import LargeTableAdmin


class UserCreationForm(AdminUserCreationForm):
    """Asks for an e-mail address, a handle and a password."""

    class Meta:
        model = User
        fields = ("email", "handle")


@admin.register(User)
class UserAdmin(LargeTableAdmin, DjangoUserAdmin):
    """A searchable list of users, and their forms."""

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
        """Save the user. An address that staff enter counts as verified."""
        super().save_model(request, obj, form, change)
        if not change or "email" in form.changed_data:
            obj.mark_email_verified()
