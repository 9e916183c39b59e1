"""Processes of the portal over the test database, to be killed without warning."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlencode

import psycopg2
from django.conf import settings
from django.test import Client

from alliance.members.models import User
from tests.events.documents_cases import settings_url

_CSRF = "x" * 32


def environment(folder: Path) -> dict[str, str]:
    """For a process whose files lie in this folder."""
    return {
        **os.environ,
        "DATABASE_URL": settings_url(),
        "DJANGO_SETTINGS_MODULE": "alliance.settings",
        "PORTAL_LOCAL": "1",
        "PORTAL_STATE_DIR": str(folder),
        "WEB_CONCURRENCY": "1",
    }


def program(code: str, *arguments: object, folder: Path) -> "subprocess.Popen[str]":
    """A Python process; what it prints can be read."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=environment(folder),
        cwd=settings.BASE_DIR,
        stdout=subprocess.PIPE,
        text=True,
    )


def wait_for(is_so: Callable[[], object], seconds: float = 90) -> None:
    """Raises: TimeoutError."""
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.05)


@contextmanager
def locked_for_writing(table: str) -> Iterator[Callable[[], bool]]:
    """Who writes into a table waits. Yields: whether somebody does."""
    holder = psycopg2.connect(settings_url())
    try:
        with holder.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {table} IN SHARE MODE")

            def is_waited_for() -> bool:
                cursor.execute(
                    "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = %s::regclass "
                    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))",
                    [table],
                )
                return bool(cursor.fetchone()[0])

            yield is_waited_for
    finally:
        holder.close()


class Web:
    """gunicorn with one worker, as in production."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        command = ["gunicorn", "alliance.wsgi:application", "-c", "gunicorn.conf.py"]
        self.master = subprocess.Popen(
            [sys.executable, "-m", *command, "--bind", f"127.0.0.1:{self.port}"],
            env=environment(folder),
            cwd=settings.BASE_DIR,
        )

    def workers(self) -> list[int]:
        found = Path(f"/proc/{self.master.pid}/task/{self.master.pid}/children").read_text()
        return [int(pid) for pid in found.split()]

    def answers(self) -> bool:
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
                connection.request("GET", "/health/", headers={"Host": "127.0.0.1:8000"})
                return connection.getresponse().status < 500
        except OSError:
            return False

    def sent(self, user: User, path: str, **fields: object) -> http.client.HTTPConnection:
        """A form that this person has sent; the answer is still to be read."""
        client = Client()
        client.force_login(user)
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": f"{settings.SESSION_COOKIE_NAME}={session}; {settings.CSRF_COOKIE_NAME}={_CSRF}",
            "Host": "127.0.0.1:8000",
        }
        connection.request("POST", path, urlencode({**fields, "csrfmiddlewaretoken": _CSRF}), headers)
        return connection

    def answer(self, user: User, path: str, **fields: object) -> tuple[int, str]:
        """Status and, where it leads on, the address of the answer to a form that this person sends."""
        with closing(self.sent(user, path, **fields)) as connection:
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Location", "")

    def end(self) -> None:
        self.master.terminate()
        self.master.wait(30)
