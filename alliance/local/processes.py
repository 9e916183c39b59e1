"""Processes that are started, remembered in a file, found again and stopped: never by name, only by identity.

A process id alone may belong to somebody else by tomorrow; together with the moment its process started it is unique.
"""

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .accounts import Account, popen_identity

#: Environment variable that marks what a supervisor started, and whatever that starts in turn.
MARK = "PORTAL_SUPERVISED"
LOG_LIMIT_BYTES = 10_000_000


def started_at(pid: int) -> str | None:
    """A text that stays the same for the life of the process; None when there is none, or only its remains."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None if Path("/proc/self/stat").exists() else _started_at_by_ps(pid)
    state, *fields = status.rpartition(")")[2].split()
    return None if state in "ZX" else f"{boot}/{fields[18]}"


def _started_at_by_ps(pid: int) -> str | None:
    outcome = subprocess.run(
        ["ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, started = outcome.stdout.strip().partition(" ")
    return None if not started or state.startswith("Z") else started.strip()


@dataclass
class ManagedProcess:
    """One running server, our child or adopted from an earlier command."""

    name: str
    pid: int
    started: str
    port: int | None = None
    record: Path | None = None
    child: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    def alive(self) -> bool:
        if self.child is not None and self.child.poll() is not None:
            return False
        return started_at(self.pid) == self.started

    @property
    def exit_code(self) -> int | None:
        return self.child.poll() if self.child is not None else None

    def send(self, number: int) -> None:
        """Signal the process, and only it: a handle is taken first, then its identity compared."""
        if not hasattr(os, "pidfd_open"):
            if self.alive():
                os.kill(self.pid, number)
            return
        with contextlib.suppress(ProcessLookupError):
            handle = os.pidfd_open(self.pid)
            try:
                if started_at(self.pid) == self.started:
                    signal.pidfd_send_signal(handle, number)
            finally:
                os.close(handle)

    def stop(self, steps: Iterable[tuple[int, float]] = ((signal.SIGTERM, 10), (signal.SIGKILL, 5))) -> None:
        """Send one signal after the other until the process is gone.

        Args:
            steps: (signal, seconds to wait for its effect).
        """
        for number, seconds in steps:
            if not self.alive():
                break
            self.send(number)
            _patiently(lambda: not self.alive(), seconds)
        if self.child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.child.wait(timeout=5)
            # The process leads its group, so the number stays taken while a member lives.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        if self.record is not None and not self.alive():
            self.record.unlink(missing_ok=True)


def _patiently(condition: Callable[[], bool], seconds: float) -> None:
    """Wait for the condition even when an interruption was asked for: stopping is what it asks for."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)


def spawn(
    name: str,
    command: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str],
    account: Account | None = None,
    cwd: Path | None = None,
    port: int | None = None,
    record: Path | None = None,
    standard_input: bytes | None = None,
    pass_fds: Sequence[int] = (),
) -> ManagedProcess:
    """Start a server in a session of its own, so that Ctrl-C reaches the supervisor alone.

    Args:
        log: takes both outputs, appended; opened by the caller's account.
        standard_input: handed over and closed; secrets come this way, as command lines are public.
        record: where pid, start and port are remembered for later commands.
    Raises: OSError when the program cannot be started.
    """
    rotate(log)
    with log.open("ab") as output:
        child = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL if standard_input is None else subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=cwd or "/",
            start_new_session=True,
            pass_fds=tuple(pass_fds),
            **popen_identity(account),  # type: ignore[call-overload]
        )
    if standard_input is not None:
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(standard_input)
            child.stdin.close()
    process = ManagedProcess(name, child.pid, started_at(child.pid) or "", port, record, child)
    if record is not None:
        write_record(record, process)
    return process


def rotate(log: Path) -> None:
    """Keep a log and its predecessor, each of bounded size."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > LOG_LIMIT_BYTES:
            log.replace(log.with_suffix(log.suffix + ".1"))


def write_record(record: Path, process: ManagedProcess) -> None:
    noted = {"pid": process.pid, "started": process.started, "port": process.port, "place": str(record)}
    temporary = record.with_suffix(".new")
    temporary.write_text(json.dumps(noted))
    temporary.replace(record)


def recorded(record: Path) -> ManagedProcess | None:
    """The process that an earlier command noted, if that very process still runs. Changes nothing."""
    try:
        noted = json.loads(record.read_text())
        if noted["place"] != str(record):  # a copied checkout has a copied note about another's process
            return None
        process = ManagedProcess(record.stem, int(noted["pid"]), str(noted["started"]), noted["port"], record)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return process if process.started and process.alive() else None


def marked(mark: str) -> list[ManagedProcess]:
    """Running processes that carry the mark in their environment (Linux; elsewhere none are found)."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        pid = int(entry.name)
        if wanted in environment.split(b"\0") and pid != os.getpid() and (started := started_at(pid)):
            found.append(ManagedProcess("left over", pid, started))
    return found


def last_lines(log: Path, count: int = 8) -> list[str]:
    """The end of a log, without empty lines; nothing when there is no log."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8_192))
            text = file.read().decode(errors="replace")
    except OSError:
        return []
    return [line.rstrip() for line in text.splitlines() if line.strip()][-count:]


def say_exit(code: int | None) -> str:
    """How a process ended, in words."""
    if code is None:
        return "gone"
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
