"""A database of the benchmarks at a tiny scale, made by the program itself beside the test database."""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import psycopg2
import pytest
from django.conf import settings
from django.db import connection

SCALE = "0.002"
#: Unlike any other that tests make on this server at the same time.
DATABASE = f"bench_{os.getpid()}"


def bench(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the benchmarks over the tiny data set."""
    database = connection.settings_dict
    login = f"{quote(database['USER'])}:{quote(database['PASSWORD'])}"
    environment = {
        **os.environ,
        "DATABASE_URL": f"postgres://{login}@{database['HOST']}:{database['PORT']}/postgres",
        "REDIS_URL": settings.REDIS_URL,
    }
    return subprocess.run(
        [sys.executable, "-m", "bench", "--scale", SCALE, "--database", DATABASE, *arguments],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


class Run:
    """A run that has ended: its code, what it printed, and the JSON that it wrote."""

    def __init__(self, outcome: "subprocess.CompletedProcess[str]", path: Path) -> None:
        self.code, self.out, self.err = outcome.returncode, outcome.stdout, outcome.stderr
        self.json = json.loads(path.read_text()) if path.exists() else {}


@pytest.fixture(scope="package")
def whole_run(tmp_path_factory):
    """Everything once, with windows as short as they can be."""
    path = tmp_path_factory.mktemp("bench") / "latest.json"
    yield Run(bench("--rounds", "1", "--seconds", "0.1", "--output", str(path)), path)
    database = connection.settings_dict
    server = psycopg2.connect(
        host=database["HOST"],
        port=database["PORT"],
        user=database["USER"],
        password=database["PASSWORD"],
        dbname="postgres",
    )
    server.autocommit = True
    with server.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
    server.close()
