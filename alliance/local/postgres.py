"""A PostgreSQL server of our own: TCP on loopback, a password, no socket file, no change outside its folder."""

import os
import shutil
import signal
import socket
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import interruption, ports
from .accounts import Account, popen_identity
from .binaries import postgres_major
from .problems import Problem
from .processes import ManagedProcess, last_lines, say_exit, spawn

USER = "portal"
DATABASE = "portal"
START_SECONDS = 60
#: Fast shutdown first: clients are disconnected, everything committed is on disk.
STOP_STEPS = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
#: For test runs: nothing needs to survive.
THROW_AWAY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@dataclass(frozen=True)
class PostgresServer:
    """How to make, start and find one server.

    Attributes:
        programs: folder of `initdb` and `postgres`.
        data: the data folder; made by `start` when it does not exist.
        record: file that remembers the running process.
        account: runs the server; None for the caller.
        throw_away: trade durability for speed.
    """

    programs: Path
    data: Path
    log: Path
    record: Path
    password: str
    account: Account | None = None
    throw_away: bool = False
    max_connections: int = 100

    def url(self, port: int) -> str:
        return address(self.password, port)

    def start(self, port: int) -> ManagedProcess:
        """Start the server and wait until it takes connections.

        Raises: Problem with the end of its log when it does not.
        """
        if not (self.data / "PG_VERSION").exists():
            self._create()
        self._refuse_other_major()
        settings = list(THROW_AWAY) if self.throw_away else []
        settings += ["log_destination=stderr", "logging_collector=off", "log_timezone=UTC", "timezone=UTC"]
        settings += [f"max_connections={self.max_connections}", "unix_socket_directories="]
        command = [str(self.programs / "postgres"), "-D", str(self.data)]
        command += ["-h", ports.LOOPBACK, "-p", str(port)]
        for setting in settings:
            command += ["-c", setting]
        process = spawn(
            "postgres",
            command,
            log=self.log,
            environment=self._environment(),
            account=self.account,
            cwd=self.data,
            port=port,
            record=self.record,
        )
        try:
            ready = interruption.until(lambda: accepts(port) or not process.alive(), seconds=START_SECONDS, pause=0.02)
        except BaseException:
            process.stop(STOP_STEPS)
            raise
        if not ready or not process.alive():
            code = process.exit_code
            process.stop(STOP_STEPS)
            reason = "took too long" if code is None else say_exit(code)
            raise Problem(
                f"PostgreSQL did not start ({reason}): mend what the lines above say and run the command "
                f"again; the whole log is {self.log}.",
                lines=last_lines(self.log),
            )
        return process

    def _create(self) -> None:
        """Make the data folder with one empty database; it gets its name only when it is whole."""
        unfinished = self.data.with_name(self.data.name + ".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True, mode=0o700)
        password_file = self.data.with_name(self.data.name + ".password")
        password_file.unlink(missing_ok=True)
        password_file.touch(mode=0o600)
        try:
            password_file.write_text(self.password + "\n")
            if self.account is not None:
                os.chown(unfinished, self.account.uid, self.account.gid)
                os.chown(password_file, self.account.uid, self.account.gid)
            command = [str(self.programs / "initdb"), "-D", str(unfinished), "-U", USER]
            command += ["--encoding=UTF8", "--auth=scram-sha-256", f"--pwfile={password_file}"]
            command += self._locale_options()
            if self.throw_away:
                command += ["--no-sync"]
            self._run("initdb", command)
        finally:
            password_file.unlink(missing_ok=True)
        single = [str(self.programs / "postgres"), "--single", "-D", str(unfinished)]
        single += ["-c", "fsync=off"] if self.throw_away else []
        self._run("creating the database", [*single, "postgres"], text=f"CREATE DATABASE {DATABASE};\n")
        unfinished.rename(self.data)

    def _locale_options(self) -> list[str]:
        if postgres_major(self.programs) >= 17:
            # Unicode rules that come with the server: the same on every system.
            return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return ["--locale=C.UTF-8" if os.uname().sysname == "Linux" else "--locale=en_US.UTF-8"]

    def _run(self, what: str, command: list[str], *, text: str = "") -> None:
        with self.log.open("ab") as output:
            outcome = subprocess.run(
                command,
                input=text.encode(),
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment(),
                cwd="/",
                check=False,
                **popen_identity(self.account),  # type: ignore[call-overload]
            )
        interruption.check()
        if outcome.returncode != 0:
            raise Problem(
                f"PostgreSQL could not be set up ({what}: {say_exit(outcome.returncode)}): mend what the lines "
                f"above say and run the command again; the whole log is {self.log}.",
                lines=last_lines(self.log),
            )

    def _refuse_other_major(self) -> None:
        written_by = (self.data / "PG_VERSION").read_text().strip()
        programs = postgres_major(self.programs)
        if written_by != str(programs):
            raise Problem(
                f"The data in {self.data} was written by PostgreSQL {written_by}, but the programs are "
                f"version {programs}: dump it with the old programs and load it again, "
                "or delete it with './portal reset'."
            )

    def _environment(self) -> dict[str, str]:
        """Nothing of the caller's: PGDATA, PGPORT and locale variables would change what the server does."""
        environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": str(self.data.parent)}
        for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"):
            if name in os.environ:
                environment[name] = os.environ[name]
        return environment


def address(password: str, port: int) -> str:
    """DATABASE_URL of a server on this machine; the password is hexadecimal, so it needs no escaping."""
    return f"postgresql://{USER}:{password}@{ports.LOOPBACK}:{port}/{DATABASE}"


def accepts(port: int, *, seconds: float = 1.0) -> bool:
    """Whether a PostgreSQL server on the port takes sessions now (not while it still recovers).

    Source: PostgreSQL's frontend/backend protocol 3.0, start-up: 'R' asks for the password, 'E' refuses.
    """
    parameters = f"user\0{USER}\0database\0{DATABASE}\0\0".encode()
    message = struct.pack("!ii", 8 + len(parameters), 196_608) + parameters
    try:
        with socket.create_connection((ports.LOOPBACK, port), timeout=seconds) as connection:
            connection.sendall(message)
            return connection.recv(1) == b"R"
    except OSError:
        return False
