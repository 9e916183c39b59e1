"""How gunicorn serves the portal: `gunicorn alliance.wsgi:application -c gunicorn.conf.py --bind 127.0.0.1:8000`.

Every value can be overridden on the command line or in GUNICORN_CMD_ARGS.
"""

import ctypes
import gc
import os
import shutil
from pathlib import Path

import gunicorn.http.message

from alliance.core.logging import JsonFormatter, RequestIdFilter, TextFormatter

#: Of glibc's mallopt(3).
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
LARGE_BLOCK_BYTES = 1_048_576

_here = Path(__file__).resolve().parent
_state = Path(os.environ.get("PORTAL_STATE_DIR", _here / ".local"))

chdir = str(_here)
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = "gthread"
threads = int(os.environ.get("WEB_THREADS", "4"))
# Loaded once and shared by the workers: half the start time and less memory. Nothing connects while loading.
preload_app = True
keepalive = 5
timeout = 60
graceful_timeout = 30
# The worker's sign of life is a file; on a slow disk it would look dead.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - gunicorn makes a private file
# It would lie in the user's home, where two checkouts meet.
control_socket_disable = True
# Too long an address must reach the portal, which explains; gunicorn alone would cut it off at 8,190 bytes unexplained.
gunicorn.http.message.MAX_REQUEST_LINE = 65_536
limit_request_line = 65_536

# The portal writes its own access line, with the request's id and without the query.
accesslog = None
_is_text = os.environ.get("LOG_FORMAT", "json") == "text"
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": RequestIdFilter}},
    "formatters": {
        "json": {"()": JsonFormatter},
        "text": {
            "()": TextFormatter,
            "fmt": "{asctime} {levelname} {name} [{request_id}] {message}",
            "style": "{",
        },
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "text" if _is_text else "json",
            "filters": ["request_id"],
        }
    },
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {"gunicorn.error": {"handlers": ["stderr"], "level": "INFO", "propagate": False}},
}

# The processes of one server share their counters through files; the name of the master keeps servers apart.
_metrics_parent = _state / "metrics"
_metrics = _metrics_parent / str(os.getpid())
os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(_metrics)
for _left in _metrics_parent.glob("[0-9]*"):
    try:
        os.kill(int(_left.name), 0)
    except (ProcessLookupError, ValueError):
        shutil.rmtree(_left, ignore_errors=True)  # of a server that was killed
    except PermissionError:
        pass
shutil.rmtree(_metrics, ignore_errors=True)
_metrics.mkdir(parents=True, exist_ok=True)


def when_ready(server):
    """Before the workers are forked: what was loaded stays shared, for no collection of garbage touches it again."""
    gc.collect()
    gc.freeze()


def post_fork(server, worker):
    """Large blocks (pages, pieces of exports) go back to the system when they are free, and threads share one heap.

    glibc raises the size from which it does so each time one is freed, and then keeps megabytes for each thread.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)
        mallopt(M_ARENA_MAX, 1)


def child_exit(server, worker):
    """A dead worker's counts stay; its gauges go."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)


def on_exit(server):
    """The counts end with the server."""
    shutil.rmtree(_metrics, ignore_errors=True)
