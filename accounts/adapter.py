"""Where django-allauth asks us: handles, mails, addresses, networks."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.handles import skeleton
from accounts.mail import HEADERS, dress
from accounts.models import User
from momentverse.http.client_ip import get_client_ip as client_address

# A key of the session: the path of the page that somebody was at when they had to log in.
AFTER_LOGIN = "after_login"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Our answers to the questions that django-allauth leaves to the site."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "duplicate_email": "You sign in with this address already.",
        "email_password_mismatch": "This address and this password do not belong together.",
        "enter_current_password": "This is not your current password.",
        "incorrect_password": "This is not your password.",
        "username_taken": "This handle is taken, or reads like one that is.",
    }

    def clean_username(self, username: str, shallow: bool = False) -> str:
        """Refuse, besides what allauth refuses, a handle that reads like somebody else's."""
        handle: str = super().clean_username(username.strip().lower(), shallow)
        if not shallow and User.objects.filter(handle_skeleton=skeleton(handle)).exists():
            raise self.validation_error("username_taken")
        return handle

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address that the configured proxies vouch for."""
        # Over a Unix socket without a proxy there is none, and a session's row needs one.
        return client_address(request.META) or "0.0.0.0"  # noqa: S104  it is no address to listen at

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Return where a person goes on: to what a page of ours has kept for them, else their account.

        Asked when no ``next`` has come along: an address was confirmed an hour after sign-up, say.
        """
        path = request.session.get(AFTER_LOGIN, "")
        if path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None):
            return str(path)
        return str(super().get_login_redirect_url(request))

    def send_account_already_exists_mail(self, email: str) -> None:
        """Tell the address's owner by mail, after the work that a new account would have cost.

        Otherwise the time of the answer would tell who has an account.
        """
        make_password("as long as a password")
        super().send_account_already_exists_mail(email)

    def send_notification_mail(
        self,
        template_prefix: str,
        user: Any,
        context: dict[str, Any] | None = None,
        email: str | None = None,
    ) -> None:
        """Tell a person what happened to their account; of a new address, both addresses."""
        context = {"user": user} | (context or {})
        super().send_notification_mail(template_prefix, user, context, email)
        if email and email == context.get("from_email"):
            super().send_notification_mail(template_prefix, user, context, context["to_email"])

    def render_mail(
        self,
        template_prefix: str,
        email: str | list[str],
        context: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> EmailMessage:
        """Return a mail in text and HTML; links lead to the configured origin and nowhere else."""
        headers = HEADERS | (headers or {})
        mail: EmailMessage = super().render_mail(
            template_prefix, email, of_our_site(context), headers
        )
        if isinstance(mail, EmailMultiAlternatives):
            dress(mail)
        return mail


def of_our_site(context: dict[str, Any]) -> dict[str, Any]:
    """Return a mail's context with the site's own name, and with links to ``SITE_URL``.

    allauth takes both from the request's Host header, which a stranger may
    choose: a reset mail would then lead its reader to them.
    """
    ours = {
        name: urlunsplit(urlsplit(settings.SITE_URL)[:2] + urlsplit(value)[2:])
        for name, value in context.items()
        if name.endswith("_url") and isinstance(value, str)
    }
    site = {"name": "MomentVerse", "domain": settings.SITE_HOST}
    return context | ours | {"current_site": site, "site_url": settings.SITE_URL}
