"""The people of MomentVerse."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Users; knows nothing of moments."""

    name = "accounts"
