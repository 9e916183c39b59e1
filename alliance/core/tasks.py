"""`portal_task`, with which every background task is declared, and the heartbeat.

The contract of a task: it takes ids, it may run twice or late, and losing the message that starts it does no harm,
because a periodic sweep finds the work again. So a request that cannot reach Redis goes on without its task.
"""

import logging
import time
from collections.abc import Callable
from typing import Any, cast

import redis
from celery import current_task, signals
from celery.contrib.django.task import DjangoTask
from celery.result import AsyncResult
from kombu.exceptions import OperationalError as BrokerError

from alliance.celery import app
from alliance.core import health, metrics, request_id
from alliance.core.cache import outage

log = logging.getLogger(__name__)

#: No task may take longer; below the broker's visibility_timeout, or a running task would be handed out again.
SOFT_TIME_LIMIT_SECONDS = 1_740
TIME_LIMIT_SECONDS = 1_800
REQUEST_ID_HEADER, ACTOR_HEADER = "portal_request_id", "portal_actor"
_BROKER_ERRORS = (BrokerError, redis.RedisError, OSError)


class PortalTask(DjangoTask):
    """Acknowledged after it is done, limited in time, and forgiving towards a broker that is gone."""

    abstract = True
    acks_late = True
    reject_on_worker_lost = True
    ignore_result = True
    soft_time_limit = SOFT_TIME_LIMIT_SECONDS
    time_limit = TIME_LIMIT_SECONDS
    #: It runs every few seconds: its success is not worth a line of the log.
    is_quiet = False

    def apply_async(self, args=None, kwargs=None, task_id=None, **options):  # type: ignore[override]
        """Queue the task. When the broker is gone, a request or command goes on without it; a task that starts
        another one fails, so that it is tried again as a whole."""
        forgiving = not current_task
        if forgiving and outage.is_on():
            return self._not_queued("Redis does not answer", task_id)
        try:
            return super().apply_async(args, kwargs, task_id=task_id, **options)
        except _BROKER_ERRORS as error:
            if not forgiving:
                raise
            outage.note(error)
            return self._not_queued(str(error), task_id)

    def _not_queued(self, reason: str, task_id: str | None) -> AsyncResult:
        metrics.TASKS_NOT_QUEUED.labels(self.name).inc()
        log.warning("Task %s could not be queued; the next sweep finds its work: %s", self.name, reason)
        return self.AsyncResult(task_id or request_id.new_id())


def portal_task(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Declare a background task, as `@portal_task` or `@portal_task(max_retries=5, ...)`.

    Args:
        function: takes ids and plain values only; may run twice or late without harm.
        options: of Celery's `app.task`, over the defaults of `PortalTask`.
    """
    options = {"base": PortalTask, **options}
    declare = cast(Callable[[Callable[..., Any]], Any], app.task(**options))
    return declare if function is None else declare(function)


@portal_task(expires=10, soft_time_limit=5, time_limit=10, is_quiet=True)
def beat() -> None:
    """Show that a worker runs tasks: `/readyz` looks at how long ago this was."""
    health.beat_heart()


# --- the request's id travels with the task --------------------------------------------------------------------------
@signals.before_task_publish.connect(weak=False)
def send_request_id(headers: dict[str, Any] | None = None, **_: Any) -> None:
    """Give the message the id of the request or task that sends it, and who acts in it."""
    origin = request_id.current()
    if origin.request_id and headers is not None:
        headers.setdefault(REQUEST_ID_HEADER, origin.request_id)
        headers.setdefault(ACTOR_HEADER, origin.actor)


@signals.task_prerun.connect(weak=False)
def take_request_id(task: Any = None, task_id: str = "", **_: Any) -> None:
    """In the worker: work for the request that sent the task; a scheduled task works for itself."""
    if task is None or task.request.is_eager or task.request.called_directly:
        return
    request_id.begin(
        getattr(task.request, REQUEST_ID_HEADER, None) or task_id.replace("-", ""),
        is_web=False,
        actor=getattr(task.request, ACTOR_HEADER, None) or f"task {task.name}",
    )
    task.request.portal_started = time.perf_counter()


@signals.task_postrun.connect(weak=False)
def tell_and_forget(task: Any = None, state: str | None = None, **_: Any) -> None:
    """In the worker: one line per task, and the end of working for its request."""
    if task is None or task.request.is_eager or task.request.called_directly:
        return
    spent = (time.perf_counter() - getattr(task.request, "portal_started", time.perf_counter())) * 1_000
    level = logging.DEBUG if task.is_quiet and state == "SUCCESS" else logging.INFO
    log.log(
        level,
        "Task %s: %s",
        task.name,
        state,
        extra={"task": task.name, "task_id": task.request.id, "state": state, "duration_ms": round(spent, 1)},
    )
    request_id.end()


@signals.worker_ready.connect(weak=False)
def beat_at_once(**_: Any) -> None:
    """A worker that has just started need not wait for the schedule to be seen."""
    try:
        health.beat_heart()
    except (redis.RedisError, OSError) as error:
        log.warning("The first heartbeat was lost: %s", error)


@signals.setup_logging.connect(weak=False)
def keep_our_logging(**_: Any) -> None:
    """Being connected is enough: Celery leaves alone the logging that Django has set up."""
