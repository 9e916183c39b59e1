"""Whether the services that the environment names elsewhere are there, before anything is built on them."""

import os
import socket
import ssl
from collections.abc import Callable
from urllib.parse import SplitResult, unquote, urlsplit

from .problems import Problem

SECONDS = 3.0
_EXAMPLES = {
    "DATABASE_URL": "postgres://name:password@host:5432/database",
    "REDIS_URL": "redis://:password@host:6379/0",
}
_SCHEMES = {
    "DATABASE_URL": {"postgres": 5432, "postgresql": 5432, "psql": 5432, "pgsql": 5432},
    "REDIS_URL": {"redis": 6379, "rediss": 6379},
}


def require_services() -> None:
    """Raises: Problem when DATABASE_URL or REDIS_URL is set and leads nowhere."""
    for variable, check in _CHECKS.items():
        if url := os.environ.get(variable):
            check(variable, url)


def _address(variable: str, url: str) -> tuple[SplitResult, str, int]:
    """Parts, host and port of an address; passwords are never shown. Raises: Problem when it is none."""
    schemes = _SCHEMES[variable]
    try:
        parts = urlsplit(url)
        place = parts.netloc.rpartition("@")[2]
        if "," in place:
            host, port = place, 0
        else:
            host, port = unquote(parts.hostname or ""), parts.port or schemes.get(parts.scheme, 0)
    except ValueError:
        parts, host, port = urlsplit(""), "", 0
    # A database's server may be the one of this machine, unnamed; its own name may not be missing.
    named = parts.path.strip("/") if variable == "DATABASE_URL" else host
    if parts.scheme not in schemes or not named:
        raise Problem(
            f"{variable} is not an address that the portal can use: write it like {_EXAMPLES[variable]}, "
            "or unset it to use the embedded service."
        )
    return parts, host, port


def _connect(variable: str, host: str, port: int) -> socket.socket:
    try:
        return socket.create_connection((host, port), timeout=SECONDS)
    except OSError as error:
        raise Problem(
            f"Nothing answers at {host}:{port}, which {variable} names ({error.strerror or error}): start that "
            f"service, correct {variable}, or unset it to use the embedded service."
        ) from None


def _check_database(variable: str, url: str) -> None:
    _parts, host, port = _address(variable, url)
    # Sockets in folders and lists of hosts are for libpq to find.
    if host and "," not in host and not host.startswith("/"):
        _connect(variable, host, port).close()


def _check_redis(variable: str, url: str) -> None:
    parts, host, port = _address(variable, url)
    number = parts.path.strip("/") or "0"
    lines = [["SELECT", number], ["PING"]]
    if parts.password:
        user = [unquote(parts.username)] if parts.username else []
        lines.insert(0, ["AUTH", *user, unquote(parts.password)])
    with _connect(variable, host, port) as plain:
        try:
            connection = plain
            if parts.scheme == "rediss":
                # Whether the certificate is good is for the portal itself to judge, by the options of the address.
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
                connection = context.wrap_socket(plain, server_hostname=host)
            connection.sendall(b"".join(_command(line) for line in lines))
            answers = _read_lines(connection, len(lines))
        except OSError as error:
            raise Problem(f"Redis at {host}:{port} broke off ({error}): see its log, or correct {variable}.") from None
    for line in answers:
        if line.startswith("-"):
            raise Problem(
                f"Redis at {host}:{port} refuses ({line[1:]}): correct the password or the number of the database "
                f"in {variable}."
            )
    if len(answers) < len(lines) or answers[-1] != "+PONG":
        raise Problem(f"What answers at {host}:{port} is not Redis: correct {variable}.")


def _command(words: list[str]) -> bytes:
    """One command in Redis's protocol, whatever characters its words hold."""
    parts = [f"*{len(words)}\r\n".encode()]
    for word in words:
        data = word.encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)


def _read_lines(connection: socket.socket, count: int) -> list[str]:
    """Up to `count` lines of an answer; fewer when the other side ends it."""
    answer = b""
    while answer.count(b"\r\n") < count and len(answer) < 8_192 and (part := connection.recv(1_024)):
        answer += part
    return answer.decode(errors="replace").split("\r\n")[: answer.count(b"\r\n")]


_CHECKS: dict[str, Callable[[str, str], None]] = {"DATABASE_URL": _check_database, "REDIS_URL": _check_redis}
