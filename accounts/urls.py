"""Routes of the account pages. django-allauth adds log-in, sign-up, e-mail, password and sessions."""

from django.urls import include, path

from accounts.views import deletion, export, home

urlpatterns = [
    path("", home.home, name="account-home"),
    path("profile/", home.profile, name="account-profile"),
    path("export/", export.export, name="account-export"),
    path("delete/", deletion.delete, name="account-delete"),
    path("delete/keep/", deletion.cancel, name="account-keep"),
    path("", include("allauth.urls")),
]
