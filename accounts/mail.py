"""How mails look: text, and the same in HTML in the site's clothes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

HEADERS = {"Auto-Submitted": "auto-generated"}


def build_html_email(subject: str, body: str, address: str) -> EmailMultiAlternatives:
    """Return a mail to one person in text and HTML; a paragraph's last line may be a link of ours."""
    mail = EmailMultiAlternatives(subject, body, to=[address], headers=HEADERS)
    add_html_version(mail)
    return mail


def add_html_version(mail: EmailMultiAlternatives) -> None:
    """Sign a mail's text and add the same in HTML."""
    signature = f"MomentVerse, {settings.SITE_URL}"
    parts = {
        "subject": mail.subject,
        "paragraphs": split_paragraphs(str(mail.body)),
        "signature": signature,
    }
    mail.attach_alternative(render_to_string("mail/message.html", parts), "text/html")
    mail.body = f"{mail.body}\n\n{signature}\n"


@dataclass(frozen=True)
class Paragraph:
    """A part of a mail: words, and under them perhaps an address of ours."""

    words: str
    link: str = ""


def split_paragraphs(text: str) -> list[Paragraph]:
    """Return a mail's text in paragraphs.

    Only a last line that is an address of this site becomes a link: whatever
    else looks like one was written by somebody else.
    """
    found = []
    for block in re.split(r"\n{2,}", text.strip()):
        words, _, last = block.rpartition("\n")
        if last.startswith(f"{settings.SITE_URL}/"):
            found.append(Paragraph(words.removesuffix(":"), last))
        else:
            found.append(Paragraph(block))
    return found
