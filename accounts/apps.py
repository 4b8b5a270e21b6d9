"""The people of MomentVerse."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users; knows nothing of moments."""

    name = "accounts"

    def ready(self) -> None:
        """Say what accounts hold on people, and when what pages show of them changes."""
        from accounts import signals  # noqa: F401  its receivers
        from accounts.privacy.erasure import FATE, erase_account
        from accounts.privacy.export import collect_account
        from accounts.privacy.registry import Source, register

        register(Source("account", FATE, collect_account, erase_account))
