"""The id that ties together what one request causes: its log lines, its tasks, and its database sessions.

This module knows neither Django nor Celery, so that the web server can use it before either is set up.
"""

import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

HEADER = "X-Request-ID"
#: Short enough for PostgreSQL's 63 bytes of application_name with "portal " in front.
_ACCEPTED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{7,47}")


class Origin(NamedTuple):
    """What the code that runs now works for."""

    request_id: str = ""
    #: True while a web request is answered, False in commands and tasks.
    is_web: bool = False
    #: Who writes, as the change log names it: `user 12`, `visitor`, `command migrate`, `task ...`; empty: unknown.
    actor: str = ""


_NOBODY = Origin()
_current: ContextVar[Origin] = ContextVar("portal_origin", default=_NOBODY)


def current() -> Origin:
    """The origin of the code that runs now; its id is empty outside requests and tasks."""
    return _current.get()


def new_id() -> str:
    """A fresh id of 32 hexadecimal digits."""
    return uuid.uuid4().hex


def accept(offered: str | None) -> str:
    """The id that a client offers when it is harmless (8 to 48 letters, digits, `.`, `_`, `-`), else a new one."""
    return offered if offered and _ACCEPTED.fullmatch(offered) else new_id()


def begin(request_id: str, *, is_web: bool, actor: str = "") -> None:
    """From now on this thread works for the given request."""
    _current.set(Origin(request_id, is_web, actor))


def act_as(actor: str) -> None:
    """From now on what this thread writes is written by `actor`, for the same request as before."""
    _current.set(_current.get()._replace(actor=actor))


def end() -> None:
    """From now on this thread works for nobody."""
    _current.set(_NOBODY)


@contextmanager
def working_for(request_id: str, *, is_web: bool = False, actor: str = "") -> Iterator[None]:
    """Work for the given request inside the block."""
    token = _current.set(Origin(request_id, is_web, actor))
    try:
        yield
    finally:
        _current.reset(token)
