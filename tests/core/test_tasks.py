"""What every background task has, and how its messages are marked."""

import pytest
import time_machine
from django.conf import settings

from alliance.celery import app
from alliance.core import health, request_id, tasks
from alliance.core.cache import redis_client

app.loader.import_default_modules()
OURS = sorted(name for name in app.tasks if not name.startswith("celery."))


@pytest.mark.parametrize("name", OURS)
def test_every_task_may_die_and_is_limited(name):
    task = app.tasks[name]
    assert isinstance(task, tasks.PortalTask), "declare it with @portal_task"
    assert task.acks_late
    assert task.reject_on_worker_lost
    assert task.soft_time_limit < task.time_limit
    assert task.time_limit < settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]


@pytest.mark.parametrize("entry", settings.CELERY_BEAT_SCHEDULE.values(), ids=settings.CELERY_BEAT_SCHEDULE.keys())
def test_what_is_scheduled_exists(entry):
    assert entry["task"] in OURS


def test_the_heartbeat_leaves_its_mark():
    redis_client().delete(health.HEARTBEAT_KEY)
    assert health.heartbeat_age_seconds() is None
    with time_machine.travel("2026-11-24T12:00:00Z", tick=False) as clock:
        tasks.beat()
        assert health.heartbeat_age_seconds() == 0
        clock.shift(3)
        assert health.heartbeat_age_seconds() == 3


def test_a_message_carries_the_request_and_the_actor_of_who_sends_it():
    headers: dict[str, object] = {}
    tasks.send_request_id(headers)
    assert headers == {}
    with request_id.working_for("request-4711", is_web=True, actor="user 12"):
        tasks.send_request_id(headers)
    assert headers == {tasks.REQUEST_ID_HEADER: "request-4711", tasks.ACTOR_HEADER: "user 12"}


def test_a_task_called_as_a_function_keeps_the_callers_id():
    with request_id.working_for("request-4711", is_web=True):
        tasks.beat()
        tasks.beat.apply()
        assert request_id.current() == request_id.Origin("request-4711", is_web=True)
