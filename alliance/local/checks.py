"""`./portal test`: every check and test, on throw-away servers."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .accounts import can_enter, service_account
from .checkout import Checkout
from .console import Console, sentence
from .environment import environment_for_tests, production_environment
from .install import TEST_LOCK, ensure_packages, wait_for
from .preparation import fingerprint, manage
from .problems import Problem
from .services import throw_away_services

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
USAGE = """usage: ./portal test [--only STEP[,STEP]] [pytest arguments]

steps: {steps}

Without --only all of them run. Arguments after '--', or any other, go to pytest:
  ./portal test tests/usecases
  ./portal test --only pytest -- -k compare -x
"""


@dataclass(frozen=True)
class Check:
    """One step of the run.

    Attributes:
        shown: write its output through as it comes; otherwise only when it fails.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    shown: bool = False


STEPS = (
    "catalogues",
    "browser",
    "ruff",
    "format",
    "mypy",
    "djlint",
    "imports",
    "migrations",
    "deploy",
    "pytest",
)


def parse(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Split what was typed. Returns: names of the steps to run; arguments for pytest.

    Raises: Problem for a step that does not exist.
    """
    only: list[str] = []
    rest = list(arguments)
    if rest[:1] == ["--only"]:
        if len(rest) < 2:
            raise Problem(f"--only wants the names of steps: choose from {', '.join(STEPS)}.", code=2)
        only = [name for name in rest[1].split(",") if name]
        rest = rest[2:]
    if rest[:1] == ["--"]:
        rest = rest[1:]
    for name in only:
        if name not in STEPS:
            raise Problem(f"There is no step '{name}': choose from {', '.join(STEPS)}.", code=2)
    return only or list(STEPS), rest


def test(checkout: Checkout, console: Console, arguments: list[str]) -> int:
    """Run the steps, all of them even when one fails. Returns: 0 when none failed."""
    if arguments in (["-h"], ["--help"]):
        console.say(USAGE.format(steps=", ".join(STEPS)))
        return 0
    chosen, pytest_arguments = parse(arguments)
    checkout.prepare()
    ensure_packages(checkout, TEST_LOCK, console)
    begun = time.monotonic()
    failed = []
    with temporary_folder() as folder:
        browser_failed = "browser" in chosen and not ensure_browser(checkout, console)
        if browser_failed:
            failed.append("browser")
        with contextlib.ExitStack() as stack:
            with console.step("Starting throw-away PostgreSQL and Valkey"):
                urls = stack.enter_context(throw_away_services(checkout.root, folder, checkout.logs))
            environment = environment_for_tests(urls, state=str(folder / "files"), chromium=find_chromium())
            if "pytest" in chosen:
                environment["STATIC_ROOT"] = str(checkout.state / "test-static")
                collect_static(checkout, environment, console)
            for check in _checks(checkout, environment, pytest_arguments):
                if check.name in chosen and not run_check(check, checkout, console):
                    failed.append(check.name)
    names = ", ".join(failed)
    seconds = time.monotonic() - begun
    console.say(
        f"Failed: {names} ({seconds:.0f} s)" if failed else f"All is well: {len(chosen)} steps, {seconds:.0f} s"
    )
    return 1 if failed else 0


def collect_static(checkout: Checkout, environment: Mapping[str, str], console: Console) -> None:
    """Give the tests the files as browsers get them, compressed and under their hashed names, when any has changed."""
    folder = Path(environment["STATIC_ROOT"])
    digest = fingerprint(checkout.root, ("static/**/*", TEST_LOCK))
    if checkout.recall("steps.json", "test_static") == digest and folder.is_dir():
        return
    shutil.rmtree(folder, ignore_errors=True)
    with console.step("Collecting the static files for the tests"):
        manage(checkout, environment, ("collectstatic", "--noinput", "--verbosity=0"))
    checkout.remember("steps.json", test_static=digest)


def _checks(checkout: Checkout, environment: Mapping[str, str], pytest_arguments: list[str]) -> list[Check]:
    python = str(checkout.python)
    programs = checkout.venv / "bin"
    manage = (python, str(checkout.root / "manage.py"))
    deploy = production_environment(environment)
    selected = tuple(pytest_arguments)
    alone = any(a.startswith(("-n", "--numprocesses", "--pdb")) for a in selected)
    # Each worker has a Redis database of its own; there are sixteen.
    parallel = () if alone else ("-n", "auto", "--maxprocesses", "15")
    return [
        Check("catalogues", (*manage, "compile_catalogues"), environment),
        Check("ruff", (python, "-m", "ruff", "check", "."), environment),
        Check("format", (python, "-m", "ruff", "format", "--check", "."), environment),
        Check("mypy", (python, "-m", "mypy"), environment),
        Check("djlint", (python, "-m", "djlint", "templates", "--lint", "--quiet"), environment),
        Check("imports", (str(programs / "lint-imports"),), environment),
        Check("migrations", (*manage, "makemigrations", "--check", "--dry-run"), environment),
        Check("deploy", (*manage, "check", "--deploy", "--fail-level", "WARNING"), deploy),
        Check("pytest", (python, "-m", "pytest", *parallel, *selected), environment, shown=True),
    ]


def run_check(check: Check, checkout: Checkout, console: Console) -> bool:
    """Run one check and say how it ended and how long it took. Returns: whether it is content."""
    begun = time.monotonic()
    output = b""
    if check.shown:
        console.say(f"{check.name}:")
        code = wait_for(subprocess.Popen(check.command, cwd=checkout.root, env=dict(check.environment)))
    else:
        with console.step(check.name, ending=False), tempfile.TemporaryFile() as file:
            child = subprocess.Popen(
                check.command,
                cwd=checkout.root,
                env=dict(check.environment),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
            code = wait_for(child)
            file.seek(0)
            output = file.read()
    if code:
        sys.stdout.write(output.decode(errors="replace"))
    seconds = time.monotonic() - begun
    if not (check.shown and code == 0):
        console.say(f"{check.name:<11} {'failed' if code else 'ok':<7} {seconds:6.1f} s")
    return code == 0


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that goes away afterwards and that the servers' account reaches."""
    account = service_account()
    parents = [Path(tempfile.gettempdir()), Path("/var/tmp")]  # noqa: S108 - mkdtemp chooses a name of its own
    parent = next((place for place in parents if can_enter(account, place)), None)
    if parent is None:
        raise Problem(f"The account of the test servers cannot enter {parents[0]}: set TMPDIR to a public folder.")
    folder = Path(tempfile.mkdtemp(prefix="portal-test-", dir=parent))
    try:
        folder.chmod(0o711)
        (folder / "files").mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def find_chromium() -> str | None:
    """PORTAL_CHROMIUM if set, else the system's browser."""
    if chosen := os.environ.get("PORTAL_CHROMIUM"):
        return chosen
    return next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


def ensure_browser(checkout: Checkout, console: Console) -> bool:
    """Find a browser for the browser tests, or as root install one.

    Returns: False only in CI (CI=true) when there is none; elsewhere the browser tests are skipped and say why.
    """
    if not find_chromium() and os.geteuid() == 0 and shutil.which("apt-get"):
        with console.step("Installing Chromium for the browser tests"):
            environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
            log = checkout.log("install")
            for command in (["apt-get", "update"], ["apt-get", "install", "-y", "chromium"]):
                with log.open("ab") as output:
                    child = subprocess.Popen(
                        command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment
                    )
                wait_for(child)
    if find_chromium():
        return True
    cure = "install one with 'apt-get install chromium' or set PORTAL_CHROMIUM"
    if os.environ.get("CI", "").lower() in {"true", "1"}:
        sentence(f"There is no browser, and in CI the browser tests must run: {cure}.")
        return False
    console.say(f"There is no browser, so the browser tests are skipped: {cure}.")
    return True
