"""Routes of one's own account; django-allauth brings log-in, sign-up, mail, password, sessions."""

from django.urls import include, path

from accounts.views import home

urlpatterns = [
    path("", home.home, name="account-home"),
    path("profile/", home.profile, name="account-profile"),
    path("", include("allauth.urls")),
]
