"""Where one checkout of the portal keeps what it makes, and who may read it."""

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from .accounts import Account, can_enter, service_account
from .problems import Problem


@dataclass(frozen=True)
class Checkout:
    """The folder that holds `portal`, and all places derived from it.

    ``.local`` belongs to the caller. Started by root, it may lie where the service account cannot reach it; the
    servers' own files are then kept under /var/lib in a folder named after the checkout's path.
    """

    root: Path

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    @property
    def state(self) -> Path:
        return self.root / ".local"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def run(self) -> Path:
        """Which processes run, and the locks that say who uses them."""
        return self.state / "run"

    @property
    def fallback(self) -> Path:
        key = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        # Not /var/tmp where it can be avoided: some systems delete there what is a month old.
        parent = "/var/lib" if os.access("/var/lib", os.W_OK) else "/var/tmp"  # noqa: S108 - owner is checked
        return Path(parent) / f"alliance-portal-{key}"

    @cached_property
    def account(self) -> Account | None:
        """Runs the servers; None for the caller's own account."""
        account = service_account()
        if account is None:
            return None
        for home in (self.state, self.fallback):
            with contextlib.suppress(OSError):
                owner = (home / "postgres").stat().st_uid
                # Data made earlier, by an ordinary user or under another account, stays with its owner.
                return Account.of_uid(owner) if owner != 0 else account
        return account

    @cached_property
    def service_home(self) -> Path:
        """Parent of the servers' folders; reachable by their account."""
        self.prepare()
        if self.account is None or can_enter(self.account, self.state):
            return self.state
        home = self.fallback
        with contextlib.suppress(FileExistsError):
            home.mkdir(mode=0o755)
        found = home.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise Problem(f"{home} is not a folder that only root may write to: remove it and run again.")
        home.chmod(0o755)
        return home

    @property
    def files(self) -> Path:
        """PORTAL_STATE_DIR of the web server and the worker: mail, schedule, uploads."""
        return self.state / "files"

    def prepare(self) -> None:
        """Make .local. Raises: OSError when the checkout is not writable."""
        self.state.mkdir(exist_ok=True)
        with contextlib.suppress(PermissionError):
            self.state.chmod(0o711 if os.geteuid() == 0 else 0o700)
        for folder in (self.logs, self.run):
            folder.mkdir(mode=0o700, exist_ok=True)
        if not os.access(self.run, os.W_OK) or not os.access(self.state, os.W_OK):
            raise PermissionError(13, "Permission denied", str(self.state))

    def prepare_files(self, account: Account | None) -> None:
        """Make the folder for the web server's and worker's files and hand it, with what root left, to them."""
        self.files.mkdir(mode=0o700, exist_ok=True)
        (self.files / "mail").mkdir(mode=0o700, exist_ok=True)
        if os.geteuid() == 0 and account is not None:
            hand_over(self.files, account)

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def secret(self, name: str, *, bytes_of_randomness: int = 32) -> str:
        """A random value made once per checkout and kept in a file that only the caller can read."""
        values = self._read_json("secrets.json")
        if name not in values:
            values[name] = secrets.token_hex(bytes_of_randomness)
            self._write_json("secrets.json", values, mode=0o600)
        return str(values[name])

    def remember(self, file: str, **values: Any) -> None:
        """Add to one of the small JSON files in .local."""
        self._write_json(file, self._read_json(file) | values, mode=0o600)

    def recall(self, file: str, name: str) -> Any:
        return self._read_json(file).get(name)

    def _read_json(self, file: str) -> dict[str, Any]:
        try:
            values = json.loads((self.state / file).read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return values if isinstance(values, dict) else {}

    def _write_json(self, file: str, values: dict[str, Any], *, mode: int) -> None:
        self.state.mkdir(exist_ok=True)
        temporary = self.state / f"{file}.{os.getpid()}"
        temporary.unlink(missing_ok=True)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as output:
            json.dump(values, output)
        temporary.replace(self.state / file)

    def delete(self) -> list[Path]:
        """Remove all local data. Returns: the folders removed."""
        removed = []
        for folder in (self.state, self.fallback):
            if folder.is_dir() and not folder.is_symlink() and folder.stat().st_uid == os.geteuid():
                shutil.rmtree(folder)
                removed.append(folder)
        return removed


def hand_over(folder: Path, owner: Account) -> None:
    """Give root's own files below a folder to an account; links and files with a second name are left alone."""
    for name, entry, directory in _entries(folder):
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
        plain = stat.S_ISREG(found.st_mode) and found.st_nlink == 1
        if found.st_uid in (0, owner.uid) and (plain or stat.S_ISDIR(found.st_mode)):
            if found.st_uid != owner.uid:
                os.chown(name, owner.uid, owner.gid, dir_fd=directory, follow_symlinks=False)
        elif stat.S_ISDIR(found.st_mode):
            raise Problem(f"{entry} belongs to another account: run 'chown -R {owner.name} {folder}' first.")
    os.chown(folder, owner.uid, owner.gid)


def _entries(folder: Path) -> Iterator[tuple[str, Path, int]]:
    for path, folders, files, directory in os.fwalk(folder):
        for name in [*folders, *files]:
            yield name, Path(path) / name, directory
