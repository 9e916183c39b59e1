"""A Valkey server of our own (Redis protocol): queue and cache, nothing in it needs to survive."""

import os
import signal
import socket
from dataclasses import dataclass
from pathlib import Path

from . import interruption, ports
from .accounts import Account
from .problems import Problem
from .processes import ManagedProcess, last_lines, say_exit, spawn

START_SECONDS = 30
STOP_STEPS = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))


@dataclass(frozen=True)
class ValkeyServer:
    """How to start and find one server; attributes as for `PostgresServer`."""

    program: Path
    folder: Path
    log: Path
    record: Path
    password: str
    account: Account | None = None

    def url(self, port: int) -> str:
        return address(self.password, port)

    def start(self, port: int) -> ManagedProcess:
        """Start the server and wait until it answers. Raises: Problem with the end of its log."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.account is not None:
            os.chown(self.folder, self.account.uid, self.account.gid)
        settings = [
            f"port {port}",
            f"bind {ports.LOOPBACK}",
            "protected-mode yes",
            "daemonize no",
            'save ""',
            "appendonly no",
            "maxmemory-policy noeviction",
            f"requirepass {self.password}",
        ]
        process = spawn(
            "valkey",
            [str(self.program), "-"],
            log=self.log,
            environment={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            account=self.account,
            cwd=self.folder,
            port=port,
            record=self.record,
            standard_input="\n".join([*settings, ""]).encode(),
        )
        try:
            ready = interruption.until(
                lambda: accepts(port, self.password) or not process.alive(), seconds=START_SECONDS, pause=0.02
            )
        except BaseException:
            process.stop(STOP_STEPS)
            raise
        if not ready or not process.alive():
            code = process.exit_code
            process.stop(STOP_STEPS)
            reason = "took too long" if code is None else say_exit(code)
            raise Problem(
                f"Valkey did not start ({reason}): mend what the lines above say and run the command again; "
                f"the whole log is {self.log}.",
                lines=last_lines(self.log),
            )
        return process


def address(password: str, port: int) -> str:
    """REDIS_URL of a server on this machine; the password is hexadecimal, so it needs no escaping."""
    return f"redis://:{password}@{ports.LOOPBACK}:{port}/0"


def accepts(port: int, password: str, *, seconds: float = 1.0) -> bool:
    """Whether the server on the port knows our password and answers a ping."""
    try:
        with socket.create_connection((ports.LOOPBACK, port), timeout=seconds) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            answer = b""
            while answer.count(b"\r\n") < 2 and (part := connection.recv(64)):
                answer += part
            return answer == b"+OK\r\n+PONG\r\n"
    except OSError:
        return False
