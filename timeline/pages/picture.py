"""A moment's picture: its owner puts it there, describes it, takes it off."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from momentverse.redirects import see_other
from timeline import reading
from timeline.errors import PictureRefused, TimelineBusy
from timeline.models import Moment, Picture
from timeline.models.picture import ALT_LENGTH
from timeline.pages.claim_offers import status_of
from timeline.pages.plain_form import PlainForm
from timeline.pictures import keeping
from timeline.pictures.formats import MAX_BYTES, MAX_PIXELS, TYPES, is_picture
from timeline.texts import clean_line

MOST = f"{MAX_BYTES // (1024 * 1024)} MB"
NO_PICTURE = "That is no picture that we can take: it has to be JPEG, PNG, WebP or AVIF."
STORAGE_AWAY = "The picture cannot be kept right now. Nothing is changed; try again in a moment."


class PictureForm(PlainForm):
    """A file, and what it shows."""

    file = forms.FileField(
        required=False,
        error_messages={"empty": "That file is empty."},
        help_text=f"JPEG, PNG, WebP or AVIF, {MOST} and {MAX_PIXELS // 1_000_000} megapixels at most."
        " Only its pixels are kept: no place, no camera, no names.",
        widget=forms.FileInput(attrs={"accept": ",".join([*TYPES.values(), "image/png"])}),
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
            raise ValidationError(f"That file is too large: {MOST} at most.")
        head = file.read(16)
        file.seek(0)
        if not is_picture(head):
            raise ValidationError(NO_PICTURE)
        return file

    def clean_alt(self) -> str:
        """Return the description as it is stored."""
        alt: str = self.cleaned_data["alt"]
        return clean_line(alt) if alt else ""


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def picture(request: HttpRequest, pk: int) -> HttpResponse:
    """Let an owner change the picture of a moment, or take it off."""
    moment = reading.by_id(request.user, pk)
    if moment is None or moment.user_id != request.user.pk:
        raise Http404(reading.NO_SUCH_MOMENT)
    shown: Picture | None = getattr(moment, "picture", None)
    sent = [request.POST, request.FILES] if request.method == "POST" else []
    form = PictureForm(
        *sent,
        initial={"alt": shown.alt if shown else ""},
        has_picture=shown is not None,
    )
    if request.method != "POST":
        return _show(request, moment, form)
    try:
        return _changed(request, moment, form)
    except (PictureRefused, TimelineBusy) as error:
        return _show(request, moment, form, problem=str(error), status=status_of(error))
    except OSError:
        return _show(request, moment, form, problem=STORAGE_AWAY, status=503)


def _changed(request: HttpRequest, moment: Moment, form: PictureForm) -> HttpResponse:
    if "remove" in request.POST:
        keeping.remove(moment)
        messages.success(request, "The picture is gone, and so are all its copies here.")
        return see_other("timeline:moment-picture", moment.pk)
    if not form.is_valid():
        return _show(request, moment, form, status=400)
    file, alt = form.cleaned_data["file"], form.cleaned_data["alt"]
    if file:
        keeping.put(moment, file, alt)
    else:
        keeping.describe(moment, alt)
        messages.success(request, "The description is changed.")
    return see_other("timeline:moment-picture", moment.pk)


def _show(
    request: HttpRequest, moment: Moment, form: PictureForm, *, problem: str = "", status: int = 200
) -> HttpResponse:
    context = {"moment": moment, "form": form, "problem": problem}
    response = render(request, "timeline/picture.html", context, status=status)
    if status == 503:
        response["Retry-After"] = "5"
    return response
