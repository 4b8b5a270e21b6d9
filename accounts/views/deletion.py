"""The page to delete one's account, and to cancel that within 14 days."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import User
from accounts.privacy import erasure
from accounts.privacy.registry import list_sources


class DeletionForm(forms.Form):
    """Asks for the password, if the user has one."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        max_length=128,
        widget=forms.PasswordInput,
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        if not user.has_usable_password():
            del self.fields["password"]

    def clean_password(self) -> str:
        """Raise ValidationError if the password is wrong."""
        password: str = self.cleaned_data["password"]
        if not self.user.check_password(password):
            raise forms.ValidationError("This is not your password.")
        return password


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def delete(request: HttpRequest) -> HttpResponse:
    """Explain the consequences and ask for the password; afterwards, offer to cancel the deletion."""
    user = request.user
    assert isinstance(user, User)
    if user.erase_after:
        context = {"may_stay": user.erase_after > timezone.now()}
        return render(request, "accounts/deletion_pending.html", context)
    form = DeletionForm(user, request.POST if request.method == "POST" else None)
    if form.is_valid():
        return _schedule(request, user)
    consequences = [sentence for source in list_sources() for sentence in source.consequences]
    days = erasure.GRACE_PERIOD.days
    return render(
        request, "accounts/delete.html", {"form": form, "consequences": consequences, "days": days}
    )


def _schedule(request: HttpRequest, user: User) -> HttpResponse:
    try:
        erasure.schedule_deletion(user, request.session.session_key)
    except erasure.DeletionRefused as refused:
        messages.error(request, str(refused))
    return redirect("account-delete")


@require_POST
@login_required
def cancel(request: HttpRequest) -> HttpResponse:
    """Cancel the deletion."""
    user = request.user
    assert isinstance(user, User)
    if erasure.cancel_deletion(user):
        messages.success(request, "Welcome back. Your account stays as it is.")
    return redirect("account-home")
