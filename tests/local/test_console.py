"""What a person sees while a step takes its time."""

import io
import re

import pytest

from alliance.local import console as module
from alliance.local.console import Console
from tests.core.servers import wait_for


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch):
    monkeypatch.setattr(module, "QUIET_SECONDS", 0.05)


def test_a_short_step_says_nothing_in_a_log():
    stream = io.StringIO()
    with Console(stream).step("Starting Valkey"):
        pass
    assert stream.getvalue() == ""


def test_a_long_step_says_that_it_has_begun_and_how_long_it_took():
    stream = io.StringIO()
    with Console(stream).step("Installing"):
        wait_for(stream.getvalue, 5, "a line")
        assert stream.getvalue() == "Installing ...\n"
    assert re.fullmatch(r"Installing \.\.\.\nInstalling: done in \d\.\d s\n", stream.getvalue())


def test_a_terminal_shows_a_living_line_and_keeps_one_in_the_end():
    stream = Terminal()
    with Console(stream).step("Installing"):
        wait_for(lambda: len(re.findall(r"Installing \(\d+ s\)", stream.getvalue())) >= 2, 5, "the line lives")
    assert re.search(r"\r\x1b\[2KInstalling: done in \d\.\d s\n$", stream.getvalue())


def test_a_step_that_fails_is_not_called_done():
    stream = io.StringIO()

    def install():
        with Console(stream).step("Installing"):
            wait_for(stream.getvalue, 5, "a line")
            raise ValueError("no network")

    with pytest.raises(ValueError, match="no network"):
        install()
    assert stream.getvalue() == "Installing ...\n"
