"""The WSGI application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "momentverse.settings")

application = get_wsgi_application()

from django.conf import settings  # noqa: E402  once Django is set up

if not settings.DEBUG:  # in development, changes must be visible at once
    from momentverse.page_cache.wsgi import PageCacheApplication

    application = PageCacheApplication(application)  # type: ignore[assignment]
