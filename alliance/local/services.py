"""The embedded PostgreSQL and Valkey of one checkout, shared by all commands that run at the same time."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from . import interruption, locks, ports, postgres, valkey
from .accounts import Account, service_account
from .binaries import find_postgres, find_valkey
from .checkout import Checkout
from .console import Console
from .postgres import PostgresServer
from .problems import Problem
from .processes import ManagedProcess, recorded
from .valkey import ValkeyServer

#: Service -> environment variable that replaces it.
REPLACED_BY = {"postgres": "DATABASE_URL", "valkey": "REDIS_URL"}
#: A server that runs but does not answer for so long is stopped and started anew.
PATIENCE_SECONDS = 5.0


def embedded() -> list[str]:
    """The services that the environment does not name elsewhere."""
    return [name for name, variable in REPLACED_BY.items() if not os.environ.get(variable)]


@dataclass
class Services:
    """Starts what is not running, joins what is, and stops it when its last user leaves.

    Every user holds a shared lock on ``services.lock``; who gets it exclusively is alone and may stop the servers.
    """

    checkout: Checkout
    console: Console
    processes: dict[str, ManagedProcess] = field(default_factory=dict)
    _using: IO[str] | None = None

    def start(self) -> None:
        """Raises: Problem when a server does not start."""
        names = embedded()
        home = self.checkout.service_home
        with locks.held(self.checkout.run / "start.lock"):
            self._using = locks.take(self.checkout.run / "services.lock", shared=True)
            if self._using is None:
                raise Problem("Another command is just deleting the local data: wait for it and run again.")
            for name in names:
                title = "PostgreSQL" if name == "postgres" else "Valkey"
                first = name == "postgres" and not (home / "postgres").exists()
                with self.console.step(f"{'Setting up' if first else 'Starting'} {title}"):
                    self.processes[name] = self._join(name) or self.start_one(name)

    def _join(self, name: str) -> ManagedProcess | None:
        """The server that another command, or one that was killed, has left running."""
        process = recorded(self.checkout.run / f"{name}.json")
        if process is None or process.port is None:
            return None
        port = process.port

        def healthy() -> bool:
            if name == "postgres":
                return postgres.accepts(port)
            return valkey.accepts(port, self.checkout.secret("VALKEY_PASSWORD"))

        if interruption.until(lambda: healthy() or not process.alive(), seconds=PATIENCE_SECONDS) and process.alive():
            return process
        process.stop(postgres.STOP_STEPS if name == "postgres" else valkey.STOP_STEPS)
        return None

    def start_one(self, name: str, *, port: int | None = None) -> ManagedProcess:
        """Start one server on the port (None: the one of last time if it is free, else any).

        A port that somebody takes between choosing and starting costs a second try.
        """
        server: PostgresServer | ValkeyServer = self.postgres() if name == "postgres" else self.valkey()
        for attempt in range(3):
            chosen = port or ports.choose(None if attempt else self.checkout.recall("ports.json", name))
            try:
                process = server.start(chosen)
                break
            except Problem:
                if port or attempt == 2 or not ports.answers(chosen):
                    raise
        self.checkout.remember("ports.json", **{name: chosen})
        self.processes[name] = process
        return process

    def postgres(self) -> PostgresServer:
        checkout = self.checkout
        home = checkout.service_home
        return PostgresServer(
            programs=find_postgres(checkout.root, account=checkout.account, copies=home / "programs"),
            data=home / "postgres",
            log=checkout.log("postgres"),
            record=checkout.run / "postgres.json",
            password=checkout.secret("POSTGRES_PASSWORD"),
            account=checkout.account,
        )

    def valkey(self) -> ValkeyServer:
        checkout = self.checkout
        home = checkout.service_home
        return ValkeyServer(
            program=find_valkey(checkout.root, account=checkout.account, copies=home / "programs"),
            folder=home / "valkey",
            log=checkout.log("valkey"),
            record=checkout.run / "valkey.json",
            password=checkout.secret("VALKEY_PASSWORD"),
            account=checkout.account,
        )

    def urls(self) -> dict[str, str]:
        """Environment variables that lead to the running servers."""
        found = {}
        if process := self.processes.get("postgres"):
            found["DATABASE_URL"] = postgres.address(self.checkout.secret("POSTGRES_PASSWORD"), process.port or 0)
        if process := self.processes.get("valkey"):
            found["REDIS_URL"] = valkey.address(self.checkout.secret("VALKEY_PASSWORD"), process.port or 0)
        return found

    def stop(self) -> bool:
        """Leave the servers. Returns: whether they were stopped, False when another command still uses them."""
        if self._using is not None:
            self._using.close()
            self._using = None
        with locks.held(self.checkout.run / "start.lock"):
            alone = locks.take(self.checkout.run / "services.lock")
            if alone is None:
                return False
            with alone:
                stop_servers(self.checkout, self.processes)
        return True


def stop_servers(checkout: Checkout, processes: dict[str, ManagedProcess]) -> None:
    """Stop Valkey, then PostgreSQL. The caller has made sure that nobody uses them."""
    for name, steps in (("valkey", valkey.STOP_STEPS), ("postgres", postgres.STOP_STEPS)):
        process = processes.pop(name, None) or recorded(checkout.run / f"{name}.json")
        if process is not None:
            process.stop(steps)


@contextlib.contextmanager
def throw_away_services(root: Path, folder: Path, log_folder: Path) -> Iterator[dict[str, str]]:
    """Servers for a test run, in a temporary folder, fast and forgetful.

    Args:
        folder: empty, reachable by the service account.
    Yields: environment variables that lead to them; only those that the environment does not set already.
    """
    account: Account | None = service_account()
    processes: list[tuple[ManagedProcess, tuple[tuple[int, float], ...]]] = []
    found = {}
    names = embedded()
    try:
        if "postgres" in names:
            database = PostgresServer(
                programs=find_postgres(root, account=account, copies=folder / "programs"),
                data=folder / "postgres",
                log=log_folder / "test-postgres.log",
                record=folder / "postgres.json",
                password=os.urandom(16).hex(),
                account=account,
                throw_away=True,
                max_connections=200,
            )
            process = database.start(ports.choose())
            processes.append((process, postgres.STOP_STEPS))
            found["DATABASE_URL"] = database.url(process.port or 0)
        if "valkey" in names:
            queue = ValkeyServer(
                program=find_valkey(root, account=account, copies=folder / "programs"),
                folder=folder / "valkey",
                log=log_folder / "test-valkey.log",
                record=folder / "valkey.json",
                password=os.urandom(16).hex(),
                account=account,
            )
            process = queue.start(ports.choose())
            processes.append((process, valkey.STOP_STEPS))
            found["REDIS_URL"] = queue.url(process.port or 0)
        yield found
    finally:
        for process, steps in reversed(processes):
            process.stop(steps)
