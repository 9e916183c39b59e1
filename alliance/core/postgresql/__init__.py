"""Django's PostgreSQL backend, whose sessions say which request they work for and how long a statement may take."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

#: A limit in milliseconds that the running code asks for itself; None: the usual one.
_asked_timeout: ContextVar[int | None] = ContextVar("portal_statement_timeout", default=None)


@contextmanager
def statement_timeout(milliseconds: int) -> Iterator[None]:
    """Allow each statement inside the block this long (0: no limit) instead of the usual limit.

    Inside a transaction that is already running, the limit stays as it was when the transaction began.
    """
    token = _asked_timeout.set(milliseconds)
    try:
        yield
    finally:
        _asked_timeout.reset(token)


def asked_statement_timeout() -> int | None:
    """What `statement_timeout` asks for here, in milliseconds; None outside of it."""
    return _asked_timeout.get()
