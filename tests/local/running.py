"""A whole portal as a person has it: `./portal up` on a terminal, and what it and its database say."""

import json
import os
import pty
import subprocess
import sys
import time

import psycopg2

from alliance.local import interruption, postgres

PATIENCE_SECONDS = 120


def environment():
    """Of a person who has set nothing for the portal."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}


class Terminal:
    """`./portal up` on a terminal of its own, with what it has written so far."""

    def __init__(self, checkout):
        self.master, slave = pty.openpty()
        self.text = ""
        os.set_blocking(self.master, False)
        self.child = subprocess.Popen(
            [sys.executable, checkout.root / "portal", "up"],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment(),
            cwd="/",
            start_new_session=True,
            preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),  # makes it the controlling terminal
        )
        os.close(slave)

    def read(self):
        try:
            while piece := os.read(self.master, 65_536):
                self.text += piece.decode(errors="replace")
        except OSError:  # nothing more for now, or the program has ended
            pass
        return self.text

    def wait_for(self, words):
        assert interruption.until(
            lambda: words in self.read() or self.child.poll() is not None, seconds=PATIENCE_SECONDS
        ), self.text
        assert words in self.read(), self.text

    def press_ctrl_c(self):
        os.write(self.master, b"\x03")

    def wait(self):
        end = time.monotonic() + PATIENCE_SECONDS
        while self.child.poll() is None and time.monotonic() < end:
            self.read()
            time.sleep(0.05)
        self.read()
        return self.child.wait(timeout=1)

    def close(self):
        os.close(self.master)
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()


def run(checkout, *arguments):
    command = [sys.executable, checkout.root / "portal", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", env=environment())


def status(checkout):
    return json.loads(run(checkout, "status", "--json").stdout)


def states(found):
    return {name: service["state"] for name, service in found["services"].items()}


def query(checkout, found, text):
    url = postgres.address(checkout.secret("POSTGRES_PASSWORD"), found["services"]["postgres"]["port"])
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(text)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()
