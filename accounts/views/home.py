"""The overview of one's account, and the form of one's public profile."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms import ProfileForm


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """Show links to all account pages."""
    return render(request, "accounts/home.html")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def profile(request: HttpRequest) -> HttpResponse:
    """Edit the public profile."""
    form = ProfileForm(request.POST or None, instance=request.user)
    if form.is_valid():
        form.save()
        messages.success(request, "Your profile is saved.")
        return redirect("account-home")
    return render(request, "accounts/profile.html", {"form": form})
