"""What this site changes about django-allauth: handles, mails, redirects, client addresses."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.handles import get_skeleton
from accounts.mail import HEADERS, add_html_version
from accounts.models import User
from momentverse.http.client_ip import get_client_ip as client_address

# Session key for the path of the page that a visitor was on when they had to log in.
AFTER_LOGIN = "after_login"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Overrides the hooks that django-allauth leaves to the site."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "duplicate_email": "You sign in with this address already.",
        "email_password_mismatch": "This address and this password do not belong together.",
        "enter_current_password": "This is not your current password.",
        "incorrect_password": "This is not your password.",
        "username_taken": "This handle is taken, or reads like one that is.",
    }

    def clean_username(self, username: str, shallow: bool = False) -> str:
        """Also refuse a handle that looks like an existing one."""
        handle: str = super().clean_username(username.strip().lower(), shallow)
        if not shallow and User.objects.filter(handle_skeleton=get_skeleton(handle)).exists():
            raise self.validation_error("username_taken")
        return handle

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address that the configured proxies report."""
        # Over a Unix socket without a proxy there is no address, but a session's row needs one.
        return client_address(request.META) or "0.0.0.0"  # noqa: S104  it is no address to listen at

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Return the page that the user came from, or else their account page.

        allauth calls this when the request has no ``next`` parameter, for example
        when a user confirms their address an hour after sign-up.
        """
        path = request.session.get(AFTER_LOGIN, "")
        if path.startswith("/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None):
            return str(path)
        return str(super().get_login_redirect_url(request))

    def send_account_already_exists_mail(self, email: str) -> None:
        """Send a mail to the owner of the address, after as much work as a new account costs.

        Otherwise the response time would reveal who has an account.
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
        """Notify a user of a change to their account. If the address changed, notify both addresses."""
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
        """Return a mail in text and HTML whose links all lead to ``SITE_URL``."""
        headers = HEADERS | (headers or {})
        mail: EmailMessage = super().render_mail(
            template_prefix, email, use_configured_origin(context), headers
        )
        if isinstance(mail, EmailMultiAlternatives):
            add_html_version(mail)
        return mail


def use_configured_origin(context: dict[str, Any]) -> dict[str, Any]:
    """Return a mail's context with this site's name and with links to ``SITE_URL``.

    allauth builds both from the request's Host header, which an attacker can
    choose. A password reset mail would then lead its reader to the attacker.
    """
    links = {
        name: urlunsplit(urlsplit(settings.SITE_URL)[:2] + urlsplit(value)[2:])
        for name, value in context.items()
        if name.endswith("_url") and isinstance(value, str)
    }
    site = {"name": "MomentVerse", "domain": settings.SITE_HOST}
    return context | links | {"current_site": site, "site_url": settings.SITE_URL}
