"""The portal's own settings, and the few addresses that the benchmarks add."""

from alliance.settings import *  # noqa: F403
from alliance.settings import CACHES, CELERY_BROKER_TRANSPORT_OPTIONS

ROOT_URLCONF = "bench.urls"
#: Apart from what the portal of this checkout has cached and queued.
CACHES["default"]["KEY_PREFIX"] = "bench"
CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"] = "bench-"
