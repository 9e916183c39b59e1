"""Web server and worker of one checkout: started, watched, started again when they die, stopped in order."""

import collections
import http.client
import json
import signal
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from . import interruption, ports
from .accounts import Account, can_run
from .checkout import Checkout
from .console import Console
from .environment import supervised
from .problems import Problem
from .processes import ManagedProcess, last_lines, marked, recorded, say_exit, spawn
from .services import Services

TITLES = {"postgres": "PostgreSQL", "valkey": "Valkey", "web": "The web server", "worker": "The worker"}
STOP_STEPS = {
    # The worker finishes what it is doing; tasks that are cut off are handed out again later.
    "worker": ((signal.SIGTERM, 10.0), (signal.SIGQUIT, 3.0), (signal.SIGKILL, 5.0)),
    "web": ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0)),
}
READY_SECONDS = 90
#: So many deaths of one service within so many seconds are more than bad luck.
DEATHS_ALLOWED, DEATHS_WITHIN_SECONDS = 6, 300


def stop_left_over(checkout: Checkout) -> int:
    """Stop web servers and workers whose supervisor was killed. Returns: how many processes there were."""
    count = 0
    for name, steps in STOP_STEPS.items():
        if process := recorded(checkout.run / f"{name}.json"):
            process.stop(steps)
            count += 1
    for process in marked(str(checkout.run)):
        process.stop(((signal.SIGTERM, 2.0), (signal.SIGKILL, 5.0)))
        count += 1
    return count


def unprivileged(checkout: Checkout) -> Account | None:
    """The account of web server and worker: the servers' one if it can read the code, else the caller's (None)."""
    account = checkout.account
    if account is None or checkout.service_home != checkout.state:
        return None
    reads = f"import django, gunicorn, celery; open({str(checkout.root / 'manage.py')!r})"
    return account if can_run(account, [str(checkout.python), "-c", reads]) else None


@dataclass
class Watched:
    """One service under watch: how to start it, and when it died lately."""

    name: str
    start: Callable[[], ManagedProcess]
    process: ManagedProcess
    deaths: collections.deque[float] = field(default_factory=lambda: collections.deque(maxlen=DEATHS_ALLOWED))
    start_again_at: float | None = None


@dataclass
class Supervisor:
    """Owns the web server's socket, so that restarts refuse no visitor."""

    checkout: Checkout
    console: Console
    services: Services
    listener: socket.socket
    environment: Mapping[str, str]
    watched: dict[str, Watched] = field(default_factory=dict)

    @property
    def port(self) -> int:
        return int(self.listener.getsockname()[1])

    def start(self) -> None:
        account = unprivileged(self.checkout)
        self.checkout.prepare_files(account)
        environment = supervised(self.environment, self.checkout, account)
        for name, process in self.services.processes.items():

            def start_service(name: str = name) -> ManagedProcess:
                return self.services.start_one(name, port=self.watched[name].process.port)

            self.watched[name] = Watched(name, start_service, process)
        for name, command in (("web", self._web_command()), ("worker", self._worker_command())):

            def start(name: str = name, command: list[str] = command) -> ManagedProcess:
                return spawn(
                    name,
                    command,
                    log=self.checkout.log(name),
                    environment=environment,
                    account=account,
                    cwd=self.checkout.root,
                    port=self.port if name == "web" else None,
                    record=self.checkout.run / f"{name}.json",
                    pass_fds=[self.listener.fileno()] if name == "web" else [],
                )

            self.watched[name] = Watched(name, start, start())

    def _web_command(self) -> list[str]:
        command = [str(self.checkout.python), "-m", "gunicorn", "alliance.wsgi:application"]
        command += ["--config", str(self.checkout.root / "gunicorn.conf.py"), "--no-control-socket"]
        # Shorter than the time that `stop` allows for it.
        return [*command, "--bind", f"fd://{self.listener.fileno()}", "--graceful-timeout", "8"]

    def _worker_command(self) -> list[str]:
        command = [str(self.checkout.python), "-m", "celery", "--app", "alliance", "worker", "--beat"]
        # Three: a long import and what follows it leave one to the documents.
        # One worker alone has nobody to mingle and gossip with; waiting for others would cost a second.
        return [*command, "--concurrency", "3", "--without-mingle", "--without-gossip", "--loglevel", "INFO"]

    def wait_until_ready(self) -> None:
        """Raises: Problem when the portal does not get ready, naming what is missing."""
        said: dict[str, Any] = {}

        def ready() -> bool:
            for name in ("web", "worker"):
                self._refuse_early_death(self.watched[name])
            code, answer = ask(self.port, "/readyz")
            said.clear()
            said.update(answer)
            return code == 200

        if not interruption.until(ready, seconds=READY_SECONDS, pause=0.1):
            checks = said.get("checks", {})
            missing = "; ".join(f"{name}: {check.get('cure')}" for name, check in checks.items() if not check.get("ok"))
            missing = missing.rstrip(".") or "no answer"
            raise Problem(
                f"The portal did not get ready within {READY_SECONDS} s ({missing}): see {self.checkout.logs} "
                "and run again.",
                lines=last_lines(self.checkout.log("web"), 5) + last_lines(self.checkout.log("worker"), 5),
            )

    def _refuse_early_death(self, watched: Watched) -> None:
        if not watched.process.alive():
            log = self.checkout.log(watched.name)
            raise Problem(
                f"{TITLES[watched.name]} did not start ({say_exit(watched.process.exit_code)}): mend what the "
                f"lines above say and run again; the whole log is {log}.",
                lines=last_lines(log, 12),
            )

    def watch(self) -> None:
        """Keep everything running until somebody asks to stop.

        Raises: KeyboardInterrupt then; Problem when a service dies again and again.
        """
        while True:
            for watched in self.watched.values():
                self._look_after(watched)
            interruption.wait(0.3)

    def _look_after(self, watched: Watched) -> None:
        now = time.monotonic()
        if watched.start_again_at is None:
            if watched.process.alive():
                return
            how = say_exit(watched.process.exit_code)
            watched.process.stop()  # its children may have outlived it
            self._note_death(watched, f"{TITLES[watched.name]} stopped ({how})")
        elif now >= watched.start_again_at:
            watched.start_again_at = None
            try:
                watched.process = watched.start()
            except (Problem, OSError):
                self._note_death(watched, f"{TITLES[watched.name]} did not start")
            else:
                self.console.say(f"{TITLES[watched.name]} runs again.")

    def _note_death(self, watched: Watched, what: str) -> None:
        now = time.monotonic()
        watched.deaths.append(now)
        recent = sum(now - death < DEATHS_WITHIN_SECONDS for death in watched.deaths)
        log = self.checkout.log(watched.name)
        if recent >= DEATHS_ALLOWED:
            raise Problem(
                f"{TITLES[watched.name]} stopped {recent} times within {DEATHS_WITHIN_SECONDS // 60} minutes: "
                f"mend what the lines above say and run again; the whole log is {log}.",
                lines=last_lines(log, 12),
            )
        delay = min(30.0, 0.25 * 2**recent)
        watched.start_again_at = now + delay
        self.console.say(f"{what}; starting it again in {delay:.1f} s. Its log: {log}")

    def stop(self) -> None:
        """Stop worker and web server; the servers below them are left to `Services`."""
        for name in STOP_STEPS:
            if watched := self.watched.get(name):
                watched.process.stop(STOP_STEPS[name])
        self.listener.close()
        stop_left_over(self.checkout)


def ask(port: int, path: str, *, seconds: float = 2.0) -> tuple[int, dict[str, Any]]:
    """GET from the portal on this machine. Returns: status (0: no answer) and the JSON object in the answer."""
    connection = http.client.HTTPConnection(ports.LOOPBACK, port, timeout=seconds)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        text = response.read()
    except (OSError, http.client.HTTPException):
        return 0, {}
    finally:
        connection.close()
    try:
        answer = json.loads(text)
    except ValueError:
        answer = {}
    return response.status, answer if isinstance(answer, dict) else {}
