"""The unprivileged account that servers run under when the portal is started by root."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .problems import Problem


@dataclass(frozen=True)
class Account:
    """A system account: numeric ids, and its name for messages."""

    name: str
    uid: int
    gid: int

    @classmethod
    def of_uid(cls, uid: int) -> "Account":
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            return cls(str(uid), uid, uid)
        return cls(entry.pw_name, entry.pw_uid, entry.pw_gid)


def service_account() -> Account | None:
    """None for an ordinary user: servers then run as that user. PostgreSQL refuses to run as root.

    No account is ever added to the system.
    """
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name, entry.pw_uid, entry.pw_gid)
    raise Problem(
        "PostgreSQL does not run as root and this system has neither an account 'postgres' nor 'nobody': "
        "run ./portal as an ordinary user."
    )


def popen_identity(account: Account | None) -> dict[str, object]:
    """Arguments of subprocess.Popen that start a program under the account (None: the caller's own)."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def can_enter(account: Account | None, directory: Path) -> bool:
    """Whether the account reaches the directory. Tried, not computed: mounts and access lists count too."""
    return _try(account, ["/bin/sh", "-c", 'cd "$1"', "sh", str(directory)])


def can_run(account: Account | None, command: list[str], *, cwd: Path | None = None) -> bool:
    """Whether the command, run under the account, ends well."""
    return _try(account, command, cwd=cwd)


def _try(account: Account | None, command: list[str], *, cwd: Path | None = None) -> bool:
    try:
        outcome = subprocess.run(
            command,
            cwd=cwd or "/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=60,
            **popen_identity(account),  # type: ignore[call-overload]
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return bool(outcome.returncode == 0)
