"""Free ports on the loopback address."""

import errno
import socket
from contextlib import suppress

LOOPBACK = "127.0.0.1"
_LOOPBACK_6 = "::1"


def address(port: int) -> str:
    """What a person types. By name, as browsers allow passkeys on http for this name only."""
    return f"http://localhost:{port}"


def listen(port: int) -> socket.socket | None:
    """A socket that listens on the port (0: any free one); None when somebody else has it.

    Raises: PermissionError for a port that only root may use.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen(512)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise
    return listener


def choose(remembered: int | None = None) -> int:
    """The remembered port while it is free, else any free one."""
    if remembered:
        with suppress(OSError, OverflowError):
            if listener := listen(remembered):
                with listener:
                    return remembered
    listener = listen(0)
    if listener is None:
        raise OSError(errno.EADDRINUSE, "no free port")
    with listener:
        return int(listener.getsockname()[1])


def answers(port: int, *, seconds: float = 1.0) -> bool:
    """Whether somebody accepts connections on the port."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=seconds):
            return True
    except OSError:
        return False


def shadowed(port: int) -> bool:
    """Whether another program answers on the port at IPv6's loopback: browsers try that first for `localhost`."""
    try:
        with socket.create_connection((_LOOPBACK_6, port), timeout=0.5):
            return True
    except OSError:
        return False
