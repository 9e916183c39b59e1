"""The commands of `./portal`, one function each; every one returns an exit code or raises Problem."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from . import interruption, locks, ports, postgres, valkey
from .checkout import Checkout
from .console import Console
from .environment import portal_environment
from .install import RUNTIME_LOCK, ensure_packages, require_space
from .outside import require_services
from .preparation import prepare
from .problems import Problem
from .processes import ManagedProcess, last_lines, recorded, started_at, write_record
from .services import REPLACED_BY, Services, stop_servers
from .supervisor import STOP_STEPS, Supervisor, ask, stop_left_over

FIRST_PORT = 8000
PORTS_TRIED = 100
#: Without this much the database could not even write what it must.
ROOM_TO_RUN_MEGABYTES = 100


def running_portal(checkout: Checkout) -> ManagedProcess | None:
    """The `./portal up` of this checkout; its port is the web server's."""
    return recorded(checkout.run / "portal.json")


def up(checkout: Checkout, console: Console, *, port: int | None) -> int:
    """Bring the portal up and keep it up until Ctrl-C."""
    begun = time.monotonic()
    checkout.prepare()
    lock = locks.take(checkout.run / "portal.lock")
    if lock is None:
        raise Problem(already_running(checkout))
    with lock:
        with console.step("Looking for what an earlier ./portal up has left running"):
            count = stop_left_over(checkout)
        if count:
            console.say(f"Stopped {count} processes that an earlier ./portal up had left behind.")
        with choose_listener(port, console) as listener:
            require_services()
            require_space(checkout.root, ROOM_TO_RUN_MEGABYTES)
            ensure_packages(checkout, RUNTIME_LOCK, console)
            _serve(checkout, console, listener, begun)
    return 0


def already_running(checkout: Checkout) -> str:
    process = running_portal(checkout)
    if process is None:
        return "Another './portal up' of this checkout is just starting: wait for it, or stop it with Ctrl-C there."
    where = ports.address(process.port) if process.port else "its address in a moment"
    return f"The portal already runs at {where} (process {process.pid}): stop it with './portal stop' to start anew."


def choose_listener(port: int | None, console: Console) -> socket.socket:
    """The web server's socket: on the asked port, or on the first free one from 8000 on.

    Raises: Problem when the asked port is taken or forbidden.
    """
    for candidate in [port] if port else range(FIRST_PORT, FIRST_PORT + PORTS_TRIED):
        try:
            listener = ports.listen(candidate)
        except PermissionError:
            raise Problem(f"Only root may use port {candidate}: choose one from 1024 on with --port.") from None
        if listener is not None and ports.shadowed(candidate):
            listener.close()
        elif listener is not None:
            if not port and candidate != FIRST_PORT:
                console.say(f"Port {FIRST_PORT} is taken; using {candidate}.")
            return listener
    if port:
        raise Problem(f"Port {port} is taken: stop the program that uses it or choose another with --port.")
    raise Problem(f"Ports {FIRST_PORT} to {candidate} are all taken: choose a free one with --port.")


def _serve(checkout: Checkout, console: Console, listener: socket.socket, begun: float) -> None:
    port = int(listener.getsockname()[1])
    record = checkout.run / "portal.json"
    write_record(record, ManagedProcess("portal", os.getpid(), started_at(os.getpid()) or "", port))
    services = Services(checkout, console)
    supervisor = None
    try:
        services.start()
        environment = portal_environment(checkout, services.urls(), port=port)
        checkout.prepare_files(None)
        prepare(checkout, environment, console)
        supervisor = Supervisor(checkout, console, services, listener, environment)
        with console.step("Starting the web server and the worker"):
            supervisor.start()
            with _sign_in_link(checkout, environment) as link:
                supervisor.wait_until_ready()
                path = _path_said(link)
        _announce(checkout, console, port, path, time.monotonic() - begun)
        with contextlib.suppress(KeyboardInterrupt):  # the usual end, not a failure
            supervisor.watch()
    finally:
        with interruption.shielded():
            with console.step("Stopping"):
                if supervisor is not None:
                    supervisor.stop()
                alone = services.stop()
            record.unlink(missing_ok=True)
            if alone:
                console.say("Everything is stopped; the data stays for the next './portal up'.")
            else:
                console.say("The portal is stopped; another ./portal command still uses PostgreSQL and Valkey.")


@contextlib.contextmanager
def _sign_in_link(checkout: Checkout, environment: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """Ask for the administrator's one-time link while the servers are starting."""
    with checkout.log("prepare").open("ab") as log:
        child = subprocess.Popen(
            [str(checkout.python), str(checkout.root / "manage.py"), "sign_in_link"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
            cwd=checkout.root,
            text=True,
        )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def _path_said(child: "subprocess.Popen[str]") -> str | None:
    """The link that the command printed; None when it failed."""
    interruption.until(lambda: child.poll() is not None, seconds=60)
    words = child.stdout.read().split() if child.poll() == 0 and child.stdout else []
    return words[-1] if words else None


def _announce(checkout: Checkout, console: Console, port: int, path: str | None, seconds: float) -> None:
    console.say()
    console.say(f"The portal runs at {ports.address(port)} (ready after {seconds:.1f} s)")
    if path:
        console.say(f"Administrator, one sign-in:  {path if '://' in path else ports.address(port) + path}")
    else:
        console.say("No sign-in link could be made; try './portal manage sign_in_link'.")
    console.say(f"Logs:  {checkout.logs}  (./portal logs -f)")
    console.say(f"Mail that the portal sends:  {checkout.files / 'mail'}")
    console.say("Stop with Ctrl-C.")


def stop(checkout: Checkout, console: Console) -> int:
    """Stop this checkout's portal, or what a killed one left running."""
    checkout.prepare()
    if process := running_portal(checkout):
        with console.step("Stopping the portal"):
            process.send(signal.SIGTERM)
            gone = interruption.until(lambda: not process.alive(), seconds=60)
        if not gone:
            raise Problem(f"The portal (process {process.pid}) does not stop: end it with 'kill -9 {process.pid}'.")
        console.say("The portal is stopped.")
        return 0
    left = stop_left_over(checkout)
    left += _stop_unused_servers(checkout)
    console.say(f"Stopped {left} processes that were left behind." if left else "Nothing was running.")
    return 0


def _stop_unused_servers(checkout: Checkout) -> int:
    """Stop PostgreSQL and Valkey unless a command uses them. Returns: how many were stopped."""
    with locks.held(checkout.run / "start.lock"):
        alone = locks.take(checkout.run / "services.lock")
        if alone is None:
            return 0
        with alone:
            count = sum(recorded(checkout.run / f"{name}.json") is not None for name in ("valkey", "postgres"))
            stop_servers(checkout, {})
    return count


def manage(checkout: Checkout, console: Console, arguments: list[str]) -> int:
    """Run a management command with the embedded services, which are started for it when they do not run."""
    return run_with_services(checkout, console, [str(checkout.python), str(checkout.root / "manage.py"), *arguments])


def bench(checkout: Checkout, console: Console, arguments: list[str]) -> int:
    """Run the benchmarks in bench/."""
    if not (checkout.root / "bench" / "__main__.py").is_file():
        raise Problem("There is no bench/ folder in this version: get a version of the portal that has one.")
    command = [str(checkout.python), "-m", "bench", *arguments]
    return run_with_services(checkout, console, command, with_files=True)


def run_with_services(checkout: Checkout, console: Console, command: list[str], *, with_files: bool = False) -> int:
    """Run a program in the foreground, on the caller's terminal, with the portal's environment.

    Args:
        with_files: it needs the collected static files and the compiled translations.
    """
    checkout.prepare()
    ensure_packages(checkout, RUNTIME_LOCK, console)
    running = running_portal(checkout)
    services = Services(checkout, console)
    try:
        services.start()
        port = running.port if running and running.port else FIRST_PORT
        environment = portal_environment(checkout, services.urls(), port=port)
        checkout.prepare_files(None)
        if with_files:
            prepare(checkout, environment, console, with_database=False)
        child = subprocess.Popen(command, env=environment, cwd=checkout.root)
        code = wait_on_terminal(child)
    finally:
        with interruption.shielded():
            services.stop()
    return 128 - code if code < 0 else code


def wait_on_terminal(child: "subprocess.Popen[bytes]") -> int:
    """Wait for a program in the foreground. It shares the terminal, so Ctrl-C there reaches it without us."""
    while (code := child.poll()) is None:
        number = interruption.requested()
        if number is not None:
            interruption.forget()
            if number != signal.SIGINT or not _on_terminal():
                child.send_signal(number)
        time.sleep(0.03)
    return code


def reset(checkout: Checkout, console: Console, *, yes: bool) -> int:
    """Delete the local data after asking."""
    if (process := running_portal(checkout)) is not None:
        raise Problem(
            f"The portal runs (process {process.pid}): stop it with './portal stop' before deleting its data."
        )
    if not yes:
        if not _on_terminal():
            raise Problem("This deletes all local data and nobody is there to be asked: add --yes to mean it.")
        if not _agrees(f"Delete the database, the mail and the logs of {checkout.root}? [y/N] "):
            console.say("Nothing was deleted.")
            return 1
    checkout.prepare()
    with locks.held(checkout.run / "start.lock"):
        alone = locks.take(checkout.run / "services.lock")
        if alone is None:
            raise Problem("Another ./portal command uses the database: let it end before deleting the data.")
        with alone:
            stop_left_over(checkout)
            stop_servers(checkout, {})
            removed = checkout.delete()
    for folder in removed:
        console.say(f"Deleted {folder}")
    if os.environ.get("DATABASE_URL"):
        console.say("The database that DATABASE_URL names was not touched.")
    return 0


def _on_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _agrees(question: str) -> bool:
    """Ask a person; Ctrl-C and Ctrl-D are answers too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return input(question).strip().lower() in {"y", "yes"}
    except EOFError:
        print()
        return False
    finally:
        signal.signal(signal.SIGINT, before)


def status(checkout: Checkout) -> dict[str, object]:
    """What runs, as plain data: address, readiness, and per service its state, process and port."""
    portal = running_portal(checkout)
    services: dict[str, dict[str, object]] = {}
    for name in (*REPLACED_BY, *reversed(STOP_STEPS)):
        process = recorded(checkout.run / f"{name}.json")
        state = "stopped"
        if process is not None:
            in_use = portal is not None or (name in REPLACED_BY and not locks.free(checkout.run / "services.lock"))
            state = "running" if _responds(checkout, process) else "not answering"
            state = state if in_use else "left over"
        elif os.environ.get(REPLACED_BY.get(name, "")):
            state = "external"
        services[name] = {
            "state": state,
            "pid": process.pid if process else None,
            "port": process.port if process else None,
            "log": str(checkout.log(name)),
        }
    code, answer = ask(portal.port, "/readyz") if portal and portal.port else (0, {})
    return {
        "running": portal is not None,
        "address": ports.address(portal.port) if portal and portal.port else None,
        "ready": code == 200,
        "readiness": answer,
        "pid": portal.pid if portal else None,
        "logs": str(checkout.logs),
        "services": services,
    }


def _responds(checkout: Checkout, process: ManagedProcess) -> bool:
    if process.port is None:
        return process.alive()
    if process.name == "postgres":
        return postgres.accepts(process.port)
    if process.name == "valkey":
        return valkey.accepts(process.port, str(checkout.recall("secrets.json", "VALKEY_PASSWORD")))
    return ports.answers(process.port)


def show_status(checkout: Checkout, console: Console, *, as_json: bool) -> int:
    """Print the status. Returns: 0 when the portal runs, 3 when it does not (as system services do)."""
    found = status(checkout)
    if as_json:
        console.say(json.dumps(found, indent=2))
    elif not found["running"]:
        console.say("The portal does not run; start it with './portal up'.")
    else:
        console.say(f"The portal runs at {found['address']}" + ("" if found["ready"] else ", but it is not ready"))
    if not as_json:
        services = found["services"]
        for name, service in services.items():  # type: ignore[attr-defined]
            place = f"process {service['pid']}" if service["pid"] else ""
            place += f", port {service['port']}" if service["port"] else ""
            console.say(f"  {name:<9} {service['state']:<14} {place}".rstrip())
    return 0 if found["running"] else 3


def logs(checkout: Checkout, console: Console, *, service: str | None, follow: bool) -> int:
    """Show the end of the logs, and with follow what is added until Ctrl-C."""
    known = sorted(path.stem for path in checkout.logs.glob("*.log"))
    if service is not None and service not in known:
        raise Problem(f"There is no log of '{service}': choose one of {', '.join(known) or 'none yet'}.")
    chosen = [service] if service else known
    if not chosen:
        raise Problem("There are no logs yet: start the portal with './portal up'.")
    width = max(map(len, chosen))
    places: dict[Path, int] = {}
    for name in chosen:
        path = checkout.log(name)
        places[path] = path.stat().st_size
        for line in last_lines(path, 40 if service else 8):
            console.say(f"{name:<{width}} | {line}" if not service else line)
    while follow:
        for path, place in places.items():
            with contextlib.suppress(FileNotFoundError):
                places[path] = _show_new(path, place, console, "" if service else f"{path.stem:<{width}} | ")
        interruption.wait(0.25)
    return 0


def _show_new(path: Path, place: int, console: Console, prefix: str) -> int:
    """Print whole lines added after the place. Returns: the place up to which all is printed."""
    size = path.stat().st_size
    if size < place:  # rotated
        place = 0
    if size == place:
        return place
    with path.open("rb") as file:
        file.seek(place)
        whole, newline, _rest = file.read(1_000_000).rpartition(b"\n")
    if not newline:
        return place
    for line in whole.decode(errors="replace").splitlines():
        console.say(prefix + line)
    return place + len(whole) + 1
