"""Build the site's e-mails, as text and as HTML, and decide when to send one again."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

HEADERS = {"Auto-Submitted": "auto-generated"}
MINUTE = dt.timedelta(minutes=1)


@dataclass(frozen=True)
class RetrySchedule:
    """How often to try to send a mail, and how long to wait in between.

    After n failures the wait is n² minutes: short after the first ones, so that a
    restart of the mail server delays nobody, and long if it is down for days.
    """

    max_attempts: int

    def allows(self, failures: int) -> bool:
        """Return whether to try again after that many failures."""
        return failures < self.max_attempts

    def get_delay(self, failures: int) -> dt.timedelta:
        """Return how long to wait after that many failures."""
        return failures**2 * MINUTE


def render_email(
    template_name: str, context: Mapping[str, object], address: str
) -> EmailMultiAlternatives:
    """Return a mail to one person, from ``<template_name>_subject.txt`` and ``…_message.txt``.

    The subject is put on one line: a line break in it could add headers.
    """
    subject = render_to_string(f"{template_name}_subject.txt", context)
    body = render_to_string(f"{template_name}_message.txt", context)
    return build_html_email(" ".join(subject.split()), body.strip(), address)


def build_html_email(subject: str, body: str, address: str) -> EmailMultiAlternatives:
    """Return a mail to one person, as text and HTML. See ``split_paragraphs`` for links in it."""
    mail = EmailMultiAlternatives(subject, body, to=[address], headers=HEADERS)
    add_html_version(mail)
    return mail


def add_html_version(mail: EmailMultiAlternatives) -> None:
    """Add an HTML version of the mail's text to it, and the site's signature to both."""
    signature = f"MomentVerse, {settings.SITE_URL}"
    context = {
        "subject": mail.subject,
        "paragraphs": split_paragraphs(str(mail.body)),
        "signature": signature,
    }
    mail.attach_alternative(render_to_string("accounts/mail/message.html", context), "text/html")
    mail.body = f"{mail.body}\n\n{signature}\n"


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of a mail, and the link to a page of this site on its last line, if there is one."""

    text: str
    link: str = ""


def split_paragraphs(text: str) -> list[Paragraph]:
    """Split the text of a mail into paragraphs.

    Only a last line that is an address of this site becomes a link. Anything
    else that looks like a link comes from user input.
    """
    paragraphs = []
    for block in re.split(r"\n{2,}", text.strip()):
        body, _, last_line = block.rpartition("\n")
        if last_line.startswith(f"{settings.SITE_URL}/"):
            paragraphs.append(Paragraph(body.removesuffix(":"), last_line))
        else:
            paragraphs.append(Paragraph(block))
    return paragraphs
