"""Web servers answer without NumPy: their memory is measured, and they compute no evidence."""

import os
import subprocess
import sys

from django.conf import settings

PROGRAM = """
import sys
from alliance.wsgi import application
from django.urls import get_resolver
get_resolver().url_patterns
import alliance.api, practices.views, practices.api, practices.upkeep, practices.tasks
print(sorted({name.partition(".")[0] for name in sys.modules} & {"numpy", "scipy", "pandas"}))
"""


def test_no_web_server_loads_numpy():
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=settings.BASE_DIR, env={**os.environ, "DJANGO_SETTINGS_MODULE": "alliance.settings"},
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert told.strip().splitlines()[-1] == "[]"
