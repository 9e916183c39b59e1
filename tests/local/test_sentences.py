"""Whatever is missing on a machine ends in one sentence that names the cure, and never in a traceback."""

import errno
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
from collections import namedtuple

import pytest

from alliance.local import commands, install, main, ports
from alliance.local.checkout import Checkout
from alliance.local.console import Console
from alliance.local.problems import Problem

from .conftest import PROJECT

DiskUsage = namedtuple("DiskUsage", "total used free")


def run(*arguments, root, capfd):
    """Run a command in this process. Returns: exit code, standard output, standard error."""
    code = main.run(list(arguments), root)
    told = capfd.readouterr()
    return code, told.out, told.err


@pytest.fixture(autouse=True)
def _keep_signal_handlers(monkeypatch):
    monkeypatch.setattr(main.interruption, "listen", lambda: None)


def test_the_oldest_and_newest_python_are_stated():
    assert install.python_problem((3, 11)) is None
    assert install.python_problem((3, 13)) is None
    for version in ((3, 10), (3, 14), (4, 0)):
        sentence = install.python_problem(version)
        assert sentence.startswith(f"Python {version[0]}.{version[1]} cannot run the portal: install Python 3.11")
        assert "apt-get install python3" in sentence


def test_an_unsuitable_python_ends_in_that_sentence(folder, capfd, monkeypatch):
    monkeypatch.setattr(main.sys, "version_info", (3, 14, 0))
    code, out, err = run("status", root=folder, capfd=capfd)
    assert (code, out) == (1, "")
    assert err.startswith("portal: Python 3.14 cannot run the portal")
    assert err.count("\n") == 1


def test_the_script_itself_looks_for_a_suitable_python_before_it_gives_up(folder):
    """`python3` may be too new although a suitable one is installed beside it."""
    script = folder / "portal"
    text = (PROJECT / "portal").read_text().replace("(3, 11), (3, 13)", "(3, 98), (3, 99)")
    script.write_text(text)
    outcome = subprocess.run(
        [sys.executable, script, "status"], capture_output=True, text=True, env={"PATH": "/nowhere"}, check=False
    )
    assert outcome.returncode == 1
    assert outcome.stderr.startswith("portal: Python 3.")
    assert "install Python 3.11, 3.12 or 3.13" in outcome.stderr
    assert outcome.stderr.count("\n") == 1

    programs = folder / "bin"
    programs.mkdir()
    (programs / "python3.12").write_text('#!/bin/sh\necho "went on with $2"\n')
    (programs / "python3.12").chmod(0o755)
    outcome = subprocess.run(
        [sys.executable, script, "status"], capture_output=True, text=True, env={"PATH": str(programs)}, check=False
    )
    assert outcome.stdout == "went on with status\n"


def test_a_python_without_its_venv_module_names_the_package(folder, monkeypatch):
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "ensurepip" else real(name))
    monkeypatch.setattr(install.shutil, "which", lambda _name: None)
    checkout = Checkout(folder)
    checkout.prepare()
    (folder / "requirements.lock").write_text("")
    with pytest.raises(Problem, match=r"apt-get install python3\.\d+-venv"):
        install.ensure_packages(checkout, "requirements.lock", Console())


def test_a_full_disk_is_told_before_anything_is_installed(folder, monkeypatch):
    monkeypatch.setattr(install.shutil, "disk_usage", lambda _path: DiskUsage(10**10, 10**10, 5_000_000))
    checkout = Checkout(folder)
    checkout.prepare()
    (folder / "requirements.lock").write_text("")
    with pytest.raises(Problem, match=r"has 5 MB left and 900 MB are needed: free some space"):
        install.ensure_packages(checkout, "requirements.lock", Console())
    assert not (folder / ".venv").exists()


def test_a_folder_that_is_no_virtual_environment_is_not_deleted(folder):
    checkout = Checkout(folder)
    checkout.prepare()
    (folder / "requirements.lock").write_text("")
    (folder / ".venv").mkdir()
    (folder / ".venv" / "diary.txt").write_text("dear")
    with pytest.raises(Problem, match="is not a virtual environment: move it away"):
        install.ensure_packages(checkout, "requirements.lock", Console())
    assert (folder / ".venv" / "diary.txt").exists()


def test_packages_that_cannot_be_installed_end_with_the_installers_last_words(checkout):
    """A lock whose hash is wrong: refused by uv and by pip, without asking any index."""
    wheel = checkout.root / "nothing-1.0-py3-none-any.whl"
    shutil.make_archive(str(wheel.with_suffix("")), "zip", checkout.root, "manage.py")
    wheel.with_suffix(".zip").rename(wheel)
    lock = checkout.root / "requirements.lock"
    lock.write_text(f"nothing @ {wheel.as_uri()} --hash=sha256:{'0' * 64}\n")
    with pytest.raises(Problem, match=r"requirements\.lock could not be installed: check the network") as caught:
        install._install(checkout, lock)
    assert caught.value.lines
    assert "hash" in checkout.log("install").read_text().lower()


def test_what_is_installed_is_not_installed_again(checkout, monkeypatch):
    lock = checkout.root / "requirements.lock"
    lock.write_text("# empty\n")
    (checkout.root / ".venv").unlink()
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", checkout.root / ".venv"], check=True)
    installed = []
    monkeypatch.setattr(install, "_install", lambda _checkout, lock: installed.append(lock.read_text()))
    for _ in range(2):
        install.ensure_packages(checkout, "requirements.lock", Console())
    assert len(installed) == 1
    lock.write_text("# changed\n")
    install.ensure_packages(checkout, "requirements.lock", Console())
    assert installed == ["# empty\n", "# changed\n"]


def test_a_taken_port_is_told_and_the_next_one_used(monkeypatch, capsys):
    with ports.listen(0) as taken:
        first = taken.getsockname()[1]
        monkeypatch.setattr(commands, "FIRST_PORT", first)
        with commands.choose_listener(None, Console(sys.stdout)) as listener:
            chosen = listener.getsockname()[1]
    assert chosen > first
    assert capsys.readouterr().out == f"Port {first} is taken; using {chosen}.\n"


def test_an_asked_port_that_is_taken_is_an_error():
    with ports.listen(0) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(Problem) as caught:
            commands.choose_listener(number, Console())
    assert caught.value.sentence == (
        f"Port {number} is taken: stop the program that uses it or choose another with --port."
    )


def test_a_port_where_localhost_would_lead_to_another_program_is_taken():
    try:
        other = socket.create_server(("::1", 0), family=socket.AF_INET6)
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with other, pytest.raises(Problem, match="is taken"):
        commands.choose_listener(other.getsockname()[1], Console())


@pytest.mark.parametrize("text", ["0", "65536", "-1", "abc", "٣٠٠٠", "8000.0", ""])
def test_what_is_no_port_is_refused(text, folder, capsys):
    with pytest.raises(SystemExit) as caught:
        main.run(["up", f"--port={text}"], folder)
    assert caught.value.code == 2
    assert "is not a port" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "cure"),
    [
        (errno.ENOSPC, "free some space and run again"),
        (errno.EACCES, "run ./portal as the account that owns"),
        (errno.EROFS, "run ./portal as the account that owns"),
        (errno.EMFILE, "mend that and run again"),
    ],
)
def test_what_the_system_refuses_ends_in_a_sentence(folder, capfd, monkeypatch, number, cure):
    def refuse(*_arguments, **_named):
        raise OSError(number, os.strerror(number), str(folder / ".local"))

    monkeypatch.setattr(commands, "stop", refuse)
    code, _, err = run("stop", root=folder, capfd=capfd)
    assert code == 1
    assert cure in err
    assert err.count("\n") == 1
    assert "Traceback" in (folder / ".local/logs/portal.log").read_text()


def test_what_nobody_foresaw_goes_into_a_log_and_not_onto_the_terminal(folder, capfd, monkeypatch):
    monkeypatch.setattr(commands, "stop", lambda *_arguments: {}["surprise"])
    code, _, err = run("stop", root=folder, capfd=capfd)
    assert code == 1
    assert err == (
        "portal: Something unforeseen went wrong (KeyError: 'surprise'): "
        f"the details are in {folder}/.local/logs/portal.log.\n"
    )
    assert "KeyError: 'surprise'" in (folder / ".local/logs/portal.log").read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take on another account")
def test_a_checkout_of_somebody_else_ends_in_a_sentence(folder):
    """Run as `nobody` in a folder that belongs to root, by a Python that everybody may run."""
    shutil.copytree(PROJECT / "alliance" / "local", folder / "alliance" / "local")
    (folder / "alliance" / "__init__.py").touch()
    shutil.copy(PROJECT / "portal", folder)
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    if python is None or subprocess.run([python, "-c", ""], user=65534, check=False).returncode:
        pytest.skip("no Python that an ordinary account may run")
    outcome = subprocess.run(
        [python, folder / "portal", "up"], user=65534, group=65534, capture_output=True, text=True, check=False, cwd="/"
    )
    assert outcome.returncode == 1
    assert outcome.stderr.startswith(f"portal: No permission to use {folder}/.local: run ./portal as the account")
    assert outcome.stderr.count("\n") == 1


def test_reset_without_anybody_to_ask_wants_to_be_told(checkout, capfd, monkeypatch):
    monkeypatch.setattr(sys, "stdin", open(os.devnull))  # noqa: SIM115 - closed below
    code, _, err = run("reset", root=checkout.root, capfd=capfd)
    sys.stdin.close()
    assert code == 1
    assert "add --yes" in err
    assert checkout.state.exists()


def test_benchmarks_that_are_not_there_are_said_to_be_missing(checkout, capfd):
    code, _, err = run("bench", root=checkout.root, capfd=capfd)
    assert code == 1
    assert err.startswith("portal: There is no bench/ folder in this version")
