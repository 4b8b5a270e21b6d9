"""Moments and tags in the admin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.forms.models import BaseModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from momentverse.admin.pagination import LargeTableAdmin
from timeline.admin.actions import confirm_with_reason
from timeline.core.exceptions import InvalidSpan, SpanTaken, TagRefused, TimelineBusy
from timeline.core.periods import NoSuchPeriod, Period
from timeline.core.public_ids import decode_id
from timeline.core.spans import Span
from timeline.models import Moment, Status, Tag, Visibility
from timeline.selectors import availability
from timeline.services import moderation, placement, transitions
from timeline.services.payments import refunds
from timeline.services.tags import get_or_create_tags, parse_tags, set_tags


class StartFilter(admin.SimpleListFilter):
    """Filter by the year of the start, for the years around now. Search finds any other period."""

    title = "start"
    parameter_name = "period"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        """Return next year, this year and the four years before."""
        this_year = timezone.now().year
        return [(str(year), str(year)) for year in range(this_year + 1, this_year - 5, -1)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Moment]) -> QuerySet[Moment]:
        """Return the moments that start in the chosen period, or all."""
        period = parse_period(self.value() or "")
        return queryset.filter(starts_in_period(period)) if period else queryset


def parse_period(text: str) -> Period | None:
    """Return the year, month or day that ``1969``, ``1969-07`` or ``1969-07-20`` stands for, if any."""
    parts = text.strip().split("-")
    if not 1 <= len(parts) <= 3 or not all(
        p.isascii() and p.isdigit() and len(p) <= 4 for p in parts
    ):
        return None
    try:
        return Period.of(*(int(part) for part in parts))
    except NoSuchPeriod:
        return None


def starts_in_period(period: Period) -> Q:
    """Return the condition that a moment starts in ``period``. It is a range scan of the index."""
    return Q(starts_at__gte=period.starts_at, starts_at__lt=period.ends_at)


class MomentForm(forms.ModelForm):
    """The form of a moment. It reports an occupied span as an error of the form."""

    tag_list = forms.CharField(
        label="Tags",
        required=False,
        widget=forms.TextInput(attrs={"size": 80}),
        help_text="With commas between them: moon, apollo.",
    )

    class Meta:
        model = Moment
        fields = (
            "title", "story", "place", "user", "starts_at", "ends_at", "time_zone", "visibility",
            "source",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:  # noqa: SLF001  how Django tells a new row from a stored one
            self.initial["tag_list"] = ", ".join(tag.name for tag in self.instance.tags.all())

    def clean_tag_list(self) -> tuple[str, ...]:
        """Return the normalised names of the tags."""
        try:
            return parse_tags(self.cleaned_data["tag_list"].split(","))
        except TagRefused as error:
            raise ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        """Reject a span that another moment occupies, and making a hidden moment visible."""
        cleaned = super().clean() or {}
        if self.instance.hidden_at and cleaned.get("visibility") != Visibility.PRIVATE:
            self.add_error("visibility", "Staff has hidden it: show it again by the list’s action.")
        starts_at, ends_at = cleaned.get("starts_at"), cleaned.get("ends_at")
        if starts_at and ends_at:
            try:
                span = Span(starts_at, ends_at)
            except InvalidSpan:
                return cleaned  # Moment.clean says what is wrong
            if self.instance.is_occupying and (
                holder := availability.find_conflict(span, exclude_pk=self.instance.pk)
            ):
                self.add_error(
                    "starts_at",
                    f"This span is taken: “{holder.title}” holds {holder.when} for {holder.length}.",
                )
        return cleaned


@admin.register(Moment)
class MomentAdmin(LargeTableAdmin, admin.ModelAdmin):
    """Moments. Every change goes through the services, as on the site."""

    form = MomentForm
    list_display = ("title", "starts_at", "length", "status", "visibility", "user")
    list_filter = ("status", "visibility", StartFilter)
    list_select_related = ("user",)
    search_fields = ("title",)
    search_help_text = (
        "Words of a title, an owner's @handle, a year, month or day (1969-07-20),"
        " or the id from a moment's address."
    )
    ordering = ("-starts_at",)
    autocomplete_fields = ("user",)
    readonly_fields = (
        "status", "status_changed_at", "status_reason", "held_until", "hidden_at", "hidden_reason",
        "created_at", "updated_at",
    )  # fmt: skip
    actions = ("release_moments", "revoke_moments", "hide_moments", "unhide_moments")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Moment], search_term: str
    ) -> tuple[QuerySet[Moment], bool]:
        """Search for a period, an owner or an id, which use an index; otherwise in titles."""
        term = search_term.strip()
        if "\0" in term:
            return queryset.none(), False
        if period := parse_period(term):
            return queryset.filter(starts_in_period(period)), False
        if term.startswith("@"):
            return queryset.filter(user__handle=term[1:].lower()), False
        with suppress(ValueError):  # eleven letters may be an id or just a word
            moments = queryset.filter(pk=decode_id(term))
            if moments.exists():
                return moments, False
        return super().get_search_results(request, queryset, search_term)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, str | list[str]]:
        """Suggest the current user as the owner of a new moment."""
        return super().get_changeform_initial_data(request) | {"user": str(request.user.pk)}

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the form again if somebody took the span between the form's check and the save."""
        for _ in range(2):
            try:
                return super().changeform_view(request, object_id, form_url, extra_context)
            except SpanTaken:
                continue  # this time the form's own check finds the conflict
            except TimelineBusy as error:
                messages.error(request, str(error))
                return redirect(request.path)
        messages.error(request, "This span is taken.")
        return redirect(request.path)

    def save_model(
        self, request: HttpRequest, obj: Moment, form: BaseModelForm, change: bool
    ) -> None:
        """Save through ``placement``, which locks the days. Moments created by staff are active at once."""
        if not change:
            obj.status = Status.ACTIVE
        placement.save_moment(obj)
        names = set(form.cleaned_data["tag_list"])
        set_tags(obj, get_or_create_tags(names).values(), replace=change)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show an error message if the moment's days stay locked."""
        try:
            return super().delete_view(request, object_id, extra_context)
        except TimelineBusy as error:
            messages.error(request, str(error))
            return redirect(request.path)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Run an action and its log entries in one transaction."""
        try:
            with transaction.atomic():
                return super().changelist_view(request, extra_context)
        except TimelineBusy as error:
            messages.error(request, str(error))
            return redirect(request.get_full_path())

    def delete_model(self, request: HttpRequest, obj: Moment) -> None:
        """Delete one moment, which frees its span."""
        placement.delete_moments(Moment.objects.filter(pk=obj.pk))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Moment]) -> None:
        """Delete many moments, which frees their spans."""
        placement.delete_moments(Moment.objects.filter(pk__in=queryset.values("pk")))

    @admin.action(description="Release held moments: give their spans back", permissions=["change"])
    def release_moments(
        self, request: HttpRequest, queryset: QuerySet[Moment]
    ) -> HttpResponse | None:
        """Ask for a reason, then release."""
        return self._confirm(request, queryset, transitions.release, "release")

    @admin.action(
        description="Revoke active moments: take them off, pay paid ones back",
        permissions=["change"],
    )
    def revoke_moments(
        self, request: HttpRequest, queryset: QuerySet[Moment]
    ) -> HttpResponse | None:
        """Ask for a reason, then revoke, and refund what was paid."""
        assert request.user.is_authenticated
        return self._confirm(
            request, queryset, partial(refunds.revoke_and_refund, actor=request.user), "revoke"
        )

    @admin.action(description="Hide moments from all but their owners", permissions=["change"])
    def hide_moments(self, request: HttpRequest, queryset: QuerySet[Moment]) -> HttpResponse | None:
        """Ask for a reason, then hide, and e-mail the owners."""
        assert request.user.is_authenticated
        return self._confirm(
            request, queryset, partial(moderation.hide, staff=request.user), "hide",
            moderation.HIDE_MESSAGE, irreversible=False,
        )  # fmt: skip

    @admin.action(description="Show hidden moments again", permissions=["change"])
    def unhide_moments(
        self, request: HttpRequest, queryset: QuerySet[Moment]
    ) -> HttpResponse | None:
        """Ask for a reason, then give the moments their earlier visibility back."""
        return self._confirm(
            request, queryset, moderation.unhide, "show again",
            moderation.UNHIDE_MESSAGE, irreversible=False,
        )  # fmt: skip

    def _confirm(
        self,
        request: HttpRequest,
        queryset: QuerySet[Moment],
        apply: Callable[[Moment, str], None],
        verb: str,
        warning: str = "Others can claim the span at once.",
        *,
        irreversible: bool = True,
    ) -> HttpResponse | None:
        rows = queryset.select_related("user")
        return confirm_with_reason(
            self, request, rows, apply, verb=verb, warning=warning, irreversible=irreversible
        )


@admin.register(Tag)
class TagAdmin(LargeTableAdmin, admin.ModelAdmin):
    """Tags by name."""

    search_fields = ("name",)
    ordering = ("name",)

    def get_deleted_objects(
        self, objs: QuerySet[Tag] | Sequence[Tag], request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """List only the tags themselves: a tag may be on more moments than a page can show."""
        names = [str(tag) for tag in objs]
        return names, {"tags": len(names)}, set(), []
