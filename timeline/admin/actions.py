"""Admin actions that need a reason: a confirmation page, and a log entry for each row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from timeline.core.exceptions import TimelineError

MAX_LISTED = 50

Row = TypeVar("Row", bound=Model)


class ReasonForm(forms.Form):
    """The reason for a decision of staff. It is stored with the decision and in the admin's log."""

    reason = forms.CharField(
        max_length=150, help_text="Kept with it, and in the log.", widget=forms.TextInput
    )


def confirm_with_reason(
    model_admin: admin.ModelAdmin[Any],
    request: HttpRequest,
    rows: QuerySet[Row],
    apply: Callable[[Row, str], None],
    *,
    verb: str,
    warning: str,
    irreversible: bool = True,
) -> HttpResponse | None:
    """Ask for a reason, then call ``apply`` with each row and the reason.

    Returns the confirmation page, or None after applying. The page shows
    ``warning`` and says if the action is ``irreversible``. Each row and its
    entry in the admin's log are written in one transaction. If ``apply`` raises
    TimelineError, the row stays as it is and the message is shown.
    """
    form = ReasonForm(request.POST if "confirmed" in request.POST else None)
    if form.is_valid():
        _apply_to_rows(model_admin, request, rows, apply, verb, form.cleaned_data["reason"])
        return None
    context = model_admin.admin_site.each_context(request) | {
        "title": f"{verb.capitalize()} {model_admin.opts.verbose_name_plural}",
        "verb": verb,
        "warning": warning,
        "irreversible": irreversible,
        "action": request.POST["action"],
        "form": form,
        "rows": rows[:MAX_LISTED],
        "chosen": request.POST.getlist(ACTION_CHECKBOX_NAME),
        "opts": model_admin.opts,
    }
    return TemplateResponse(request, "admin/timeline/confirm_status.html", context)


def _apply_to_rows(
    model_admin: admin.ModelAdmin[Any],
    request: HttpRequest,
    rows: QuerySet[Row],
    apply: Callable[[Row, str], None],
    verb: str,
    reason: str,
) -> None:
    done = 0
    for row in rows:
        try:
            with transaction.atomic():
                apply(row, reason)
                model_admin.log_change(request, row, f"{verb}: {reason}")
        except TimelineError as error:
            messages.warning(request, str(error))
        else:
            done += 1
    if done:
        messages.success(request, f"{done} done: {verb}.")
