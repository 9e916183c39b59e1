"""The WSGI application that gunicorn serves."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import reverse
from django.utils import translation

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "alliance.settings")


def load() -> None:
    """Load what Django leaves to the first request (addresses, views, catalogues): a server's processes share it."""
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            reverse("home")


application = get_wsgi_application()
load()
