"""The command as a shell sees it: code, one sentence, never a traceback."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

NOBODY_THERE = "postgres://portal:secret@127.0.0.1:9/portal"


def run(*arguments, database):
    return subprocess.run(
        [sys.executable, settings.BASE_DIR / "manage.py", "load_reference_data", *arguments],
        env=os.environ | {"DATABASE_URL": database},
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_broken_file(data):
    data.set("cities.csv", 2, latitude="north")
    data.set("cities.csv", 3, population="")
    finished = run("--dir", str(data.path), database=NOBODY_THERE)
    assert finished.returncode == 1
    assert finished.stderr.splitlines()[-2:] == [
        "cities.csv:2:latitude: “north” is no number: write digits, and a point before decimals, such as 12.5; "
        "leave the field empty when it is not known",
        "1 error. Nothing was written.",
    ]
    assert "Traceback" not in finished.stderr


def test_database_does_not_answer():
    finished = run(database=NOBODY_THERE)
    assert finished.returncode == 1
    assert "The database does not answer (" in finished.stderr
    assert "Start it, or check DATABASE_URL." in finished.stderr
    assert "Traceback" not in finished.stderr
    assert "secret" not in finished.stderr


@pytest.mark.parametrize("flag", ["--unknown", "--dir"])
def test_wrong_usage(flag):
    finished = run(flag, database=NOBODY_THERE)
    assert finished.returncode == 2
    assert "Traceback" not in finished.stderr
