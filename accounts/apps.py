"""Configuration of the accounts app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users and their accounts. This app does not know moments."""

    name = "accounts"

    def ready(self) -> None:
        """Connect the signal receivers and register the app's personal data."""
        from accounts import signals  # noqa: F401  its receivers
        from accounts.privacy.erasure import CONSEQUENCES, erase_account_data
        from accounts.privacy.export import export_account
        from accounts.privacy.registry import Source, register_source

        register_source(Source("account", CONSEQUENCES, export_account, erase_account_data))
