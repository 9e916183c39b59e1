"""A process that dies while it accepts a report leaves nothing behind; accepted again, it is accepted once."""

import os
import signal
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.management import call_command

from alliance.members.models import Notification
from reporting import reviewing
from reporting.models import Report
from reporting.states import State
from tests.events.documents_cases import settings_url
from tests.reporting import recipes
from usecases.models import UseCase

#: Accepts a report, and stops before the transaction ends.
PROGRAM = """
import sys, time
import django
django.setup()
from alliance.members.models import User
from reporting import reviewing, telling
from reporting.models import Report

def wait(*args, **more):
    print("about to commit", flush=True)
    time.sleep(600)

telling.tell_members = wait
report = Report.objects.get(key=sys.argv[1])
reviewing.accept_report(report=report, actor=User.objects.get(pk=int(sys.argv[2])), version=report.version)
"""


@pytest.mark.django_db(transaction=True)
def test_killed_before_the_commit():
    if not UseCase.objects.exists():
        call_command("load_reference_data", verbosity=0)
    report, editor = recipes.use_case_report(submit=True), recipes.editor()
    before = UseCase.objects.count()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, report.key, str(editor.pk)],
        env={**os.environ, "DATABASE_URL": settings_url(), "DJANGO_SETTINGS_MODULE": "alliance.settings"},
        cwd=settings.BASE_DIR,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert "about to commit" in iter(process.stdout.readline, "").__next__()
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=30)
    report = Report.objects.get(pk=report.pk)
    assert report.state == State.SUBMITTED
    assert UseCase.objects.count() == before
    assert not Notification.objects.filter(kind="report-accepted").exists()

    # The dead process's lock goes with its connection.
    report = reviewing.accept_report(report=report, actor=editor, version=report.version)
    assert UseCase.objects.count() == before + 1
    assert Notification.objects.filter(kind="report-accepted").count() == 1
