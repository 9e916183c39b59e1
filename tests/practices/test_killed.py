"""Whatever dies while evidence is made, nothing is lost, half done or counted twice."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.conf import settings

from alliance.events.models import Change, Cursor
from practices import upkeep
from practices.models import Evidence, RankingRun, TouchedPractice
from tests.events.documents_cases import settings_url, settle
from tests.practices import recipes
from tests.practices.test_any_history import assert_following_is_computing_anew

pytestmark = pytest.mark.django_db(transaction=True)

#: Follows the log, and stops where it is told to until it reads a line.
PROGRAM = """
import sys
import django
django.setup()
from practices import candidates, evidence, parts, upkeep

def stop(module, name):
    work = getattr(module, name)
    def wait(*args, **more):
        print("there", flush=True)
        sys.stdin.readline()
        return work(*args, **more)
    setattr(module, name, wait)

stop({"sums": parts, "evidence": evidence, "order": upkeep}[sys.argv[1]],
     {"sums": "forget_usual", "evidence": "collect", "order": "make_run"}[sys.argv[1]])
upkeep.follow()
"""


@contextmanager
def worker(place: str) -> Iterator[subprocess.Popen]:
    """A process that has come to the place and waits there."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, place],
        env={**os.environ, "DATABASE_URL": settings_url(), "DJANGO_SETTINGS_MODULE": "alliance.settings"},
        cwd=settings.BASE_DIR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if "there" in line:
                break
        yield process
    finally:
        process.kill()
        process.communicate(timeout=30)


#: Before the transaction that takes entries ends, before the one that stores evidence does, before the order is made.
@pytest.mark.parametrize("place", ["sums", "evidence", "order"])
def test_a_killed_worker_leaves_nothing_half_done(place):
    practice = recipes.practice([-30, -40, -35])
    settle()
    upkeep.follow()
    recipes.measure(practice, -60)
    settle()
    with worker(place) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)
    pooled = Evidence.objects.get(practice=practice).body["families"][0]["pooled"]
    assert pooled["cities"] == (4 if place == "order" else 3)
    settle()
    upkeep.follow()
    assert Evidence.objects.get(practice=practice).body["families"][0]["pooled"]["cities"] == 4
    assert not TouchedPractice.objects.exists()
    settle()
    upkeep.follow()  # what the log says of the new ranking
    assert Cursor.objects.get(reader=upkeep.READER).rows == Change.objects.count(), "each entry was read once"
    upkeep.rebuild()
    assert RankingRun.objects.first().rows[0]["cities"] == 4
    assert_following_is_computing_anew()
