"""The virtual environment and the locked packages in it."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from . import interruption, locks
from .checkout import Checkout
from .console import Console
from .problems import Problem
from .processes import last_lines

OLDEST_PYTHON = (3, 11)
NEWEST_PYTHON = (3, 13)
RUNTIME_LOCK = "requirements.lock"
TEST_LOCK = "requirements-test.lock"
#: Free space asked for before an installation: packages, their downloads, an empty database.
NEEDED_MEGABYTES = {RUNTIME_LOCK: 900, TEST_LOCK: 2_000}
_UV_LOCK = Path(__file__).with_name("uv-requirements.txt")


def python_problem(version: tuple[int, int]) -> str | None:
    """One sentence when this Python cannot run the portal, else None."""
    if OLDEST_PYTHON <= version <= NEWEST_PYTHON:
        return None
    return (
        f"Python {version[0]}.{version[1]} cannot run the portal: install Python 3.11, 3.12 or 3.13 "
        "(Debian and Ubuntu: 'apt-get install python3 python3-venv') and start ./portal with it."
    )


def ensure_packages(checkout: Checkout, lock_name: str, console: Console) -> None:
    """Make .venv if needed and install a lock file, with hashes; nothing happens when both are as they should be.

    Raises: Problem when something is missing on this machine or the installation fails.
    """
    lock = checkout.root / lock_name
    if not lock.is_file():
        raise Problem(f"{lock} is missing: get a complete checkout (git status shows what was deleted).")
    with locks.held(checkout.run / "install.lock", seconds=1_200):
        _ensure(checkout, lock_name, lock, console)


def _ensure(checkout: Checkout, lock_name: str, lock: Path, console: Console) -> None:
    # Left behind by a command that was killed while it made the virtual environment.
    unfinished = checkout.state / "venv-unfinished"
    version = None if unfinished.exists() else _venv_version(checkout)
    if version is None or python_problem(version):
        _require_space(checkout, lock_name)
        with console.step("Making the virtual environment in .venv"):
            unfinished.touch()
            _make_venv(checkout)
            unfinished.unlink()
        version = _venv_version(checkout)
    stamp = _stamp(checkout, lock_name)
    wanted = _wanted(lock, version)
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    _require_space(checkout, lock_name)
    stamp.unlink(missing_ok=True)
    with console.step(f"Installing the packages of {lock_name}"):
        _install(checkout, lock)
    stamp.write_text(wanted)
    runtime = checkout.root / RUNTIME_LOCK
    if lock_name == TEST_LOCK and pinned(runtime) <= pinned(lock):
        _stamp(checkout, RUNTIME_LOCK).write_text(_wanted(runtime, version))


def _stamp(checkout: Checkout, lock_name: str) -> Path:
    """Inside .venv, so that it goes when that goes."""
    return checkout.venv / f".{lock_name}.installed"


def _wanted(lock: Path, version: tuple[int, int] | None) -> str:
    return hashlib.sha256(lock.read_bytes() + repr(version).encode()).hexdigest()


def pinned(lock: Path) -> set[str]:
    """The packages of a lock file with their versions, as ``name==version``."""
    lines = lock.read_text().splitlines()
    return {line.split()[0] for line in lines if "==" in line and line[:1].isalnum()}


def _venv_version(checkout: Checkout) -> tuple[int, int] | None:
    """Python version of .venv; None when there is none that runs."""
    try:
        said = subprocess.run(
            [str(checkout.python), "-c", "import sys; print(*sys.version_info[:2])"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=_environment(),
        )
        major, minor = said.stdout.split()
        return int(major), int(minor)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def _make_venv(checkout: Checkout) -> None:
    if checkout.venv.exists() and not checkout.venv.is_symlink():
        if any(checkout.venv.iterdir()) and not (checkout.venv / "pyvenv.cfg").is_file():
            raise Problem(f"{checkout.venv} is not a virtual environment: move it away and run again.")
        shutil.rmtree(checkout.venv)
    elif checkout.venv.is_symlink():
        checkout.venv.unlink()
    if importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip"):
        command = [sys.executable, "-m", "venv", str(checkout.venv)]
    elif uv := shutil.which("uv"):
        command = [uv, "venv", "--python", sys.executable, "--seed", str(checkout.venv)]
    else:
        raise Problem(venv_module_problem())
    log = checkout.log("install")
    if _run(command, log=log) != 0:
        shutil.rmtree(checkout.venv, ignore_errors=True)
        raise Problem(
            f"The virtual environment could not be made: mend what the lines above say and run again; "
            f"the whole log is {log}.",
            lines=last_lines(log),
        )


def venv_module_problem() -> str:
    return (
        "This Python lacks its venv module: install it with "
        f"'apt-get install python{sys.version_info[0]}.{sys.version_info[1]}-venv' and run again."
    )


def _install(checkout: Checkout, lock: Path) -> None:
    log = checkout.log("install")
    log.unlink(missing_ok=True)
    if uv := _find_uv(checkout, log):
        command = [uv, "pip", "install", "--python", str(checkout.python)]
        if _run([*command, "--require-hashes", "-r", str(lock)], log=log) == 0:
            # pip compiles by itself; without it every start of an unprivileged server would compile again.
            _run(
                [str(checkout.python), "-m", "compileall", "-q", "-j", "0", str(checkout.venv / "lib")],
                log=log,
            )
            return
    pip = [str(checkout.python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    if _run([*pip, "--require-hashes", "-r", str(lock)], log=log) != 0:
        raise Problem(
            f"The packages of {lock.name} could not be installed: check the network and the free disk space "
            f"and run again; the whole log is {log}.",
            lines=last_lines(log),
        )


def _find_uv(checkout: Checkout, log: Path) -> str | None:
    """uv of the virtual environment, of the system, or freshly installed with hashes; None when it cannot be had."""
    inside = checkout.venv / "bin" / "uv"
    if inside.is_file():
        return str(inside)
    if on_path := shutil.which("uv"):
        return on_path
    pip = [str(checkout.python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    pip += ["--retries", "1", "--require-hashes", "--only-binary", ":all:", "-r", str(_UV_LOCK)]
    return str(inside) if _run(pip, log=log) == 0 and inside.is_file() else None


def _run(command: list[str], *, log: Path) -> int:
    """Run to the end, output into the log, Ctrl-C noticed. Returns: exit code."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=_environment()
        )
    return wait_for(child)


def wait_for(child: "subprocess.Popen[bytes]") -> int:
    """Wait for a helper program; end it when this command is asked to end. Returns: exit code."""
    try:
        while (code := child.poll()) is None:
            interruption.wait(0.05)
    except KeyboardInterrupt:
        child.terminate()
        try:
            child.wait(timeout=10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        raise
    interruption.check()
    return code


def _environment() -> dict[str, str]:
    """The caller's environment without what would lead Python to other packages."""
    foreign = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX", "PIP_USER"}
    return {name: value for name, value in os.environ.items() if name not in foreign}


def _require_space(checkout: Checkout, lock_name: str) -> None:
    require_space(checkout.root, NEEDED_MEGABYTES[lock_name])


def require_space(folder: Path, needed_megabytes: int) -> None:
    """Raises: Problem when the disk that holds the folder has less left."""
    free = shutil.disk_usage(folder).free // 1_000_000
    if free < needed_megabytes:
        raise Problem(
            f"The disk that holds {folder} has {free} MB left and {needed_megabytes} MB are needed: "
            "free some space and run again."
        )
