"""The people of MomentVerse."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users; knows nothing of moments."""

    name = "accounts"

    def ready(self) -> None:
        """Say what accounts hold on people, and when what pages show of them changes."""
        from accounts import signals  # noqa: F401  its receivers
        from accounts.privacy.erasure import CONSEQUENCES, erase_account
        from accounts.privacy.export import export_account
        from accounts.privacy.registry import Source, register

        register(Source("account", CONSEQUENCES, export_account, erase_account))
