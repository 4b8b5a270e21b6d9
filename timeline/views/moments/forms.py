"""Forms for a moment: its details (also used while claiming), its picture, and reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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
# The name of each choice, and what it means. That the span is taken is public in any case.
VISIBILITY_TEXTS = {
    Visibility.PUBLIC: ("Everybody", "It is on the timeline and on your profile."),
    Visibility.UNLISTED: ("Whoever has its address", "It is on no list; share the address."),
    Visibility.PRIVATE: ("Only you", "To everybody else there is no such moment."),
}


@dataclass(frozen=True)
class VisibilityChoice:
    """A radio button of the visibility field."""

    value: str
    name: str
    description: str
    price: str  # the surcharge, empty if there is none
    checked: bool


class MomentDetailsForm(BaseForm):
    """Title, story, place, tags and visibility.

    The model's own validation runs when the details are saved. ``save_with``
    turns its errors into errors of the fields.
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
        # No max_length: the model checks the length. In the form a line break still counts as two characters.
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
        """Return a moment's current details as initial values of the form."""
        return {
            "title": moment.title,
            "story": moment.story,
            "place": moment.place,
            "tags": ", ".join(tag.name for tag in moment.tags.all()),
            "visibility": moment.visibility,
        }

    @property
    def raw_data(self) -> dict[str, str]:
        """The submitted values, valid or not."""
        return {name: self.data.get(name, "") for name in self.fields}

    def visibility_choices(self, order: Order | None = None) -> list[VisibilityChoice]:
        """Return the choices of visibility, each with its surcharge if there is an unpaid order."""
        chosen = self["visibility"].value()
        extra = Tariff.from_data(order.tariff).not_public if order else 0
        price = format_money(extra, order.currency) if order and extra else ""
        return [
            VisibilityChoice(
                value, *texts, "" if value == Visibility.PUBLIC else price, value == chosen
            )
            for value, texts in VISIBILITY_TEXTS.items()
        ]

    def clean_tags(self) -> tuple[str, ...]:
        """Return the names of the tags, normalised."""
        tags = [tag.strip() for tag in self.cleaned_data["tags"].split(",") if tag.strip()]
        for tag in tags:
            try:
                parse_tags([tag])
            except TagRefused:
                raise ValidationError(
                    f"“{tag}” cannot be a tag: it takes letters from a to z or digits,"
                    f" {TAG_LENGTH} at most."
                ) from None
        try:
            return parse_tags(tags)
        except TagRefused as error:
            raise ValidationError(str(error).removeprefix("tags: ").capitalize()) from None

    def save_with(self, save: Callable[[MomentDetails], object]) -> bool:
        """Call ``save`` with the details, if they are valid, and return whether they were saved.

        If ``save`` raises ValidationError, its messages become errors of the fields.
        """
        if not self.is_valid():
            return False
        try:
            save(MomentDetails(**self.cleaned_data))
        except ValidationError as error:
            self.add_validation_error(error)
            return False
        return True


class ReportForm(BaseForm):
    """The form for reporting a moment to staff."""

    reason = forms.ChoiceField(
        choices=Report.Reason.choices,
        label="What is wrong with it?",
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what is wrong."},
    )
    comment = forms.CharField(
        label="In your words",
        required=False,
        max_length=REPORT_LENGTH,
        help_text="What staff should know: a source, whom it concerns, where to look.",
        widget=forms.Textarea(attrs={"rows": 5}),
    )


MAX_SIZE = f"{MAX_BYTES // (1024 * 1024)} MB"
NOT_A_PICTURE_MESSAGE = "That is no picture that we can take: it has to be JPEG, PNG, WebP or AVIF."


class PictureForm(BaseForm):
    """A picture file, and its description."""

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
        """Check the file's size and its first bytes. The encoder decodes it later, in its own process."""
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
        """Return the normalised description."""
        alt: str = self.cleaned_data["alt"]
        return normalize_line(alt) if alt else ""
