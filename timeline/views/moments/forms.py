"""The form for what a person says of their moment, before they pay and ever after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile

from timeline.core.exceptions import TagRefused
from timeline.core.picture_formats import (
    CONTENT_TYPES,
    MAX_BYTES,
    MAX_PIXELS,
    has_picture_signature,
)
from timeline.core.text import normalize_line
from timeline.models import Moment, Order, Report, Visibility
from timeline.models.moment import STORY_LENGTH, TITLE_LENGTH
from timeline.models.picture import ALT_LENGTH
from timeline.models.report import REPORT_LENGTH
from timeline.models.tag import TAG_LENGTH
from timeline.services.claims.details import MomentDetails
from timeline.services.claims.pricing import Tariff, format_money
from timeline.services.tags import MAX_TAGS, parse_tags
from timeline.views.forms import BaseForm

PLACE_LENGTH = 120
# What each choice means; that the span is taken is public whichever it is.
VISIBILITY_TEXTS = {
    Visibility.PUBLIC: ("Everybody", "It is on the timeline and on your profile."),
    Visibility.UNLISTED: ("Whoever has its address", "It is on no list; share the address."),
    Visibility.PRIVATE: ("Only you", "To everybody else there is no such moment."),
}


@dataclass(frozen=True)
class VisibilityChoice:
    """One way to be seen, as a radio button."""

    value: str
    name: str
    words: str
    price: str  # what it costs besides, if anything
    checked: bool


class MomentDetailsForm(BaseForm):
    """Title, story, place, tags and visibility.

    The model's rules are asked when the words are stored; what they refuse
    comes back to the fields by ``stored``.
    """

    title = forms.CharField(
        max_length=TITLE_LENGTH,
        error_messages={"required": "Give it a title."},
        help_text="What happened, in a line.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    story = forms.CharField(
        required=False,
        help_text="Plain text; web addresses become links. An empty line begins a paragraph.",
        # The length is checked when it is stored: here a line's end still counts twice.
        widget=forms.Textarea(attrs={"rows": 8, "maxlength": STORY_LENGTH}),
    )
    place = forms.CharField(
        required=False,
        max_length=PLACE_LENGTH,
        help_text="Where it happened, in your own words.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    tags = forms.CharField(
        required=False,
        max_length=MAX_TAGS * (TAG_LENGTH + 2),
        help_text=f"With commas between, {MAX_TAGS} at most: moon, apollo 11",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )
    visibility = forms.ChoiceField(
        choices=Visibility.choices,
        initial=Visibility.PUBLIC,
        error_messages={"required": "Choose who sees it."},
    )

    @staticmethod
    def initial_from(moment: Moment) -> dict[str, str]:
        """Return what a moment says now, as the form shows it."""
        return {
            "title": moment.title,
            "story": moment.story,
            "place": moment.place,
            "tags": ", ".join(tag.name for tag in moment.tags.all()),
            "visibility": moment.visibility,
        }

    @property
    def raw_data(self) -> dict[str, str]:
        """What was sent, valid or not."""
        return {name: self.data.get(name, "") for name in self.fields}

    def visibility_choices(self, order: Order | None = None) -> list[VisibilityChoice]:
        """Return the ways to be seen, each with what it adds to an order that is not paid yet."""
        chosen = self["visibility"].value()
        extra = Tariff.kept(order.tariff).not_public if order else 0
        price = format_money(extra, order.currency) if order and extra else ""
        return [
            VisibilityChoice(
                value, *words, "" if value == Visibility.PUBLIC else price, value == chosen
            )
            for value, words in VISIBILITY_TEXTS.items()
        ]

    def clean_tags(self) -> tuple[str, ...]:
        """Return the tags one by one, as they are stored."""
        written = [tag for tag in self.cleaned_data["tags"].split(",") if tag.strip()]
        for tag in written:
            _check_tag(tag.strip())
        try:
            return parse_tags(written)
        except TagRefused as error:
            raise ValidationError(str(error).removeprefix("tags: ").capitalize()) from None

    def save_with(self, store: Callable[[MomentDetails], Any]) -> bool:
        """Hand valid words to ``store``; return whether it took them, with its reasons at the fields."""
        if not self.is_valid():
            return False
        try:
            store(MomentDetails(**self.cleaned_data))
        except ValidationError as error:
            self.add_validation_error(error)
            return False
        return True


def _check_tag(tag: str) -> None:
    try:
        parse_tags([tag])
    except TagRefused:
        raise ValidationError(
            f"“{tag}” cannot be a tag: it takes letters from a to z or digits, {TAG_LENGTH} at most."
        ) from None


class ReportForm(BaseForm):
    """What is wrong, and words about it."""

    reason = forms.ChoiceField(
        choices=Report.Reason.choices,
        label="What is wrong with it?",
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what is wrong."},
    )
    words = forms.CharField(
        label="In your words",
        required=False,
        max_length=REPORT_LENGTH,
        help_text="What staff should know: a source, whom it concerns, where to look.",
        widget=forms.Textarea(attrs={"rows": 5}),
    )


MAX_SIZE = f"{MAX_BYTES // (1024 * 1024)} MB"


NOT_A_PICTURE_MESSAGE = "That is no picture that we can take: it has to be JPEG, PNG, WebP or AVIF."


class PictureForm(BaseForm):
    """A file, and what it shows."""

    file = forms.FileField(
        required=False,
        error_messages={"empty": "That file is empty."},
        help_text=f"JPEG, PNG, WebP or AVIF, {MAX_SIZE} and {MAX_PIXELS // 1_000_000} megapixels at most."
        " Only its pixels are kept: no place, no camera, no names.",
        widget=forms.FileInput(attrs={"accept": ",".join([*CONTENT_TYPES.values(), "image/png"])}),
    )
    alt = forms.CharField(
        required=False,
        max_length=ALT_LENGTH,
        help_text="In a sentence, for those who cannot see it.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args: object, has_picture: bool, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.has_picture = has_picture

    def clean_file(self) -> UploadedFile | None:
        """Look at the file's size and at its first bytes; it is decoded elsewhere."""
        file: UploadedFile | None = self.cleaned_data["file"]
        if file is None:
            if not self.has_picture:
                raise ValidationError("Choose a picture.")
            return None
        if (file.size or 0) > MAX_BYTES:
            raise ValidationError(f"That file is too large: {MAX_SIZE} at most.")
        head = file.read(16)
        file.seek(0)
        if not has_picture_signature(head):
            raise ValidationError(NOT_A_PICTURE_MESSAGE)
        return file

    def clean_alt(self) -> str:
        """Return the description as it is stored."""
        alt: str = self.cleaned_data["alt"]
        return normalize_line(alt) if alt else ""
