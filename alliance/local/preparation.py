"""What must be done before the portal answers, and only when what it depends on has changed."""

import hashlib
import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .checkout import Checkout
from .console import Console
from .install import RUNTIME_LOCK, wait_for
from .problems import Problem
from .processes import last_lines, say_exit

#: Folders of the checkout that hold none of the project's own sources.
_NOT_OURS = {".venv", ".local", ".git", "node_modules", "staticfiles", "media", "tests", "bench"}


@dataclass(frozen=True)
class Step:
    """One management command and the files whose change makes it necessary again."""

    command: tuple[str, ...]
    title: str
    patterns: tuple[str, ...]
    uses_database: bool


STEPS = (
    Step(("compile_catalogues",), "Compiling the translations", ("locale/**/*.po",), uses_database=False),
    Step(
        ("collectstatic", "--noinput", "--verbosity=0"),
        "Collecting the static files",
        ("static/**/*", RUNTIME_LOCK),
        uses_database=False,
    ),
    Step(
        ("migrate", "--noinput", "--verbosity=1"),
        "Bringing the database up to date",
        ("**/migrations/*.py", RUNTIME_LOCK),
        uses_database=True,
    ),
    Step(
        ("load_reference_data",),
        "Loading the reference data",
        ("data/**/*", "**/migrations/*.py"),
        uses_database=True,
    ),
)


def prepare(
    checkout: Checkout, environment: Mapping[str, str], console: Console, *, with_database: bool = True
) -> None:
    """Run the steps that are due, those of the database only if so wished.

    Raises: Problem when one of them fails.
    """
    for step in STEPS:
        if step.uses_database and not with_database:
            continue
        key = step.command[0]
        # A database that is not ours may have been replaced since last time: its steps look for themselves.
        outside = step.uses_database and bool(os.environ.get("DATABASE_URL"))
        digest = fingerprint(checkout.root, step.patterns)
        if step.uses_database:
            digest += _database_identity(checkout)
        if not outside and checkout.recall("steps.json", key) == digest and _result_exists(checkout, step):
            continue
        with console.step(step.title):
            manage(checkout, environment, step.command)
        if not outside:
            checkout.remember("steps.json", **{key: digest})


def _result_exists(checkout: Checkout, step: Step) -> bool:
    if step.command[0] == "collectstatic":
        return (checkout.root / "staticfiles").is_dir()
    if step.command[0] == "compile_catalogues":
        sources = checkout.root.glob("locale/**/*.po")
        return all(source.with_suffix(".mo").is_file() for source in sources)
    return True


def _database_identity(checkout: Checkout) -> str:
    """Differs for a database that was made anew: this file is written once, when it is made."""
    try:
        return f" {(checkout.service_home / 'postgres' / 'PG_VERSION').stat().st_mtime_ns}"
    except FileNotFoundError:
        return " none"


def fingerprint(root: Path, patterns: Iterable[str]) -> str:
    """A hash over names and contents of the project's files that match."""
    found: set[Path] = set()
    for pattern in patterns:
        if pattern.startswith("**/"):
            for top in root.iterdir():
                if top.is_dir() and top.name not in _NOT_OURS:
                    found.update(top.glob(pattern))
        else:
            found.update(root.glob(pattern))
    digest = hashlib.sha256()
    for path in sorted(found):
        if path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(f"{path.relative_to(root)}\0{content}\0".encode())
    return digest.hexdigest()


def manage(checkout: Checkout, environment: Mapping[str, str], command: Iterable[str]) -> None:
    """Run a management command to its end, its output into a log.

    Raises: Problem with the last lines it wrote when it fails.
    """
    log = checkout.log("prepare")
    arguments = [str(checkout.python), str(checkout.root / "manage.py"), *command]
    start = log.stat().st_size if log.exists() else 0
    with log.open("ab") as output:
        child = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=checkout.root,
        )
    code = wait_for(child)
    if code != 0:
        written = log.stat().st_size - start
        raise Problem(
            f"'manage.py {' '.join(command)}' failed ({say_exit(code)}): mend what the lines above say and "
            f"run again; the whole log is {log}.",
            lines=without_traceback(last_lines(log, 60))[-12:] if written else [],
        )


#: How a traceback goes on, too: its first line may be out of reach.
_TRACEBACK = ("Traceback (most recent call last)", "The above exception", "During handling of", '  File "')


def without_traceback(lines: list[str]) -> list[str]:
    """What a program told its reader: of a Python traceback only the last exception with its message."""
    told: list[str] = []
    inside = False
    for line in lines:
        if line.startswith(_TRACEBACK):
            # Only the last of a chain of exceptions is told.
            told, inside = [], True
        elif not inside or not line.startswith((" ", "\t")):
            inside = False
            told.append(line)
    return told
