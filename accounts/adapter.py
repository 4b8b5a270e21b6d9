"""Where django-allauth asks us: handles, mails, addresses, networks."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.http import HttpRequest
from django.template.loader import render_to_string

from accounts.handles import skeleton
from accounts.models import User
from momentverse.client_network import client_address


class AccountAdapter(DefaultAccountAdapter):
    """Our answers to the questions that django-allauth leaves to the site."""

    def clean_username(self, username: str, shallow: bool = False) -> str:
        """Refuse, besides what allauth refuses, a handle that reads like somebody else's."""
        handle: str = super().clean_username(username.strip().lower(), shallow)
        if not shallow and User.objects.filter(handle_skeleton=skeleton(handle)).exists():
            raise ValidationError("This handle is taken, or reads like one that is.")
        return handle

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address that the configured proxies vouch for."""
        return client_address(request)

    def render_mail(
        self,
        template_prefix: str,
        email: str | list[str],
        context: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> EmailMessage:
        """Return a mail in text and HTML; links lead to the configured origin and nowhere else."""
        mail = super().render_mail(template_prefix, email, with_our_origin(context), headers)
        if isinstance(mail, EmailMultiAlternatives):
            mail.attach_alternative(
                render_to_string("mail/message.html", {"subject": mail.subject, "text": mail.body}),
                "text/html",
            )
        return mail


def with_our_origin(context: dict[str, Any]) -> dict[str, Any]:
    """Return a mail's context with links to ``SITE_URL``.

    allauth makes links from the request's Host header, which a stranger may
    choose: a reset mail would then lead its reader to them.
    """
    request: HttpRequest | None = context.get("request")
    if request is None:
        return context
    asked_by = f"{request.scheme}://{request.get_host()}/"
    return {
        name: settings.SITE_URL + "/" + value.removeprefix(asked_by)
        if isinstance(value, str) and value.startswith(asked_by)
        else value
        for name, value in context.items()
    }
