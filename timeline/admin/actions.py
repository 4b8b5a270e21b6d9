"""What staff decide about rows one by one: a reason is asked for, and everything is logged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from timeline.core.exceptions import TimelineError

MAX_LISTED = 50


class ReasonForm(forms.Form):
    """Why staff decide so: kept with what they decide, and in the log."""

    reason = forms.CharField(
        max_length=150, help_text="Kept with it, and in the log.", widget=forms.TextInput
    )


def confirm_with_reason(
    model_admin: admin.ModelAdmin[Any],
    request: HttpRequest,
    rows: QuerySet[Any],
    decide: Callable[[Any, str], None],
    *,
    verb: str,
    consequence: str,
    final: bool = True,
) -> HttpResponse | None:
    """Ask for a reason and, when it is given, ``decide`` about each row; None when that is done.

    ``final`` warns that there is no way back. Each row is a transaction of its own, with its entry in
    the admin's log.
    """
    form = ReasonForm(request.POST if "confirmed" in request.POST else None)
    if form.is_valid():
        _apply(model_admin, request, rows, decide, verb, form.cleaned_data["reason"])
        return None
    context = model_admin.admin_site.each_context(request) | {
        "title": f"{verb.capitalize()} {model_admin.opts.verbose_name_plural}",
        "verb": verb,
        "consequence": consequence,
        "final": final,
        "action": request.POST["action"],
        "form": form,
        "rows": rows[:MAX_LISTED],
        "chosen": request.POST.getlist(ACTION_CHECKBOX_NAME),
        "opts": model_admin.opts,
    }
    return TemplateResponse(request, "admin/timeline/confirm_status.html", context)


def _apply(
    model_admin: admin.ModelAdmin[Any],
    request: HttpRequest,
    rows: QuerySet[Any],
    decide: Callable[[Any, str], None],
    verb: str,
    reason: str,
) -> None:
    done = 0
    for row in rows:
        try:
            _decide(model_admin, request, row, decide, verb, reason)
            done += 1
        except TimelineError as error:
            messages.warning(request, str(error))
    if done:
        messages.success(request, f"{done} done: {verb}.")


def _decide(
    model_admin: admin.ModelAdmin[Any],
    request: HttpRequest,
    row: Model,
    decide: Callable[[Any, str], None],
    verb: str,
    reason: str,
) -> None:
    with transaction.atomic():
        decide(row, reason)
        model_admin.log_change(request, row, f"{verb}: {reason}")
