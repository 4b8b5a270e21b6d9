"""The timeline's routes, by what they act on."""
from django.urls import path
app_name="timeline"
urlpatterns: list = []
