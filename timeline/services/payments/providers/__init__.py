"""Payment providers, one module each. To add one, add its module and a line to ``_PROVIDER_CLASSES``."""

from __future__ import annotations

from functools import cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from timeline.services.payments.exceptions import PaymentUnavailable
from timeline.services.payments.providers.base import Provider

_PROVIDER_CLASSES = {
    "sandbox": "timeline.services.payments.providers.sandbox.SandboxProvider",
    "stripe": "timeline.services.payments.providers.stripe.StripeProvider",
}


@cache
def get_provider(name: str) -> Provider:
    """Return the provider with this name. It may be one that no longer takes new orders.

    Raises ImproperlyConfigured for the sandbox in production.
    """
    if name == "sandbox" and settings.PRODUCTION:
        raise ImproperlyConfigured("The sandbox takes no real money: production has none.")
    provider: Provider = import_string(_PROVIDER_CLASSES[name])()
    return provider


def get_current_provider() -> Provider:
    """Return the provider that takes new payments. Raises PaymentUnavailable if there is none.

    An order can have a price without a provider: the operator may have stopped
    taking money after the hold began.
    """
    if settings.PAYMENT_PROVIDER not in _PROVIDER_CLASSES:
        raise PaymentUnavailable
    return get_provider(settings.PAYMENT_PROVIDER)
