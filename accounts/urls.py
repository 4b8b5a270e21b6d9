"""Routes of one's own account; django-allauth brings log-in, sign-up, mail, password, sessions."""

from django.urls import include, path

from accounts.views import deletion, export, home

urlpatterns = [
    path("", home.home, name="account-home"),
    path("profile/", home.profile, name="account-profile"),
    path("export/", export.export, name="account-export"),
    path("delete/", deletion.delete, name="account-delete"),
    path("delete/keep/", deletion.keep, name="account-keep"),
    path("", include("allauth.urls")),
]
