"""The command line of the benchmarks: data, servers, rounds, table."""

import argparse
import math
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from bench.groups import GROUPS

Say = Callable[[str], None]


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(
        prog="./portal bench",
        description="The portal beside the fastest honest way to do the same on the same PostgreSQL.",
    )
    add = found.add_argument
    add("--scale", type=_positive, default=1.0, help="1 is 100,000 use cases and 1,000,000 results (default: 1)")
    add("--seconds", type=_positive, default=3.0, help="of one window (default: 3)")
    add("--rounds", type=_count, default=3, help="each measure once a round (default: 3)")
    add("--only", nargs="+", choices=GROUPS, default=list(GROUPS), metavar="NAME", help=f"of {', '.join(GROUPS)}")
    add(
        "--check",
        action="store_true",
        help="end with code 1 when a goal is missed, or a large table is read to its end",
    )
    explained = "instead of measuring: plans of the N most frequent queries (default: 10)"
    add("--explain", type=_count, nargs="?", const=10, metavar="N", help=explained)
    add("--seed", type=int, default=1, help="of the made-up data (default: 1)")
    add("--database", default="bench", help="made by this program, and deleted by it when it is outdated")
    add("--drop", action="store_true", help="delete the database afterwards")
    add("--output", type=Path, help="the JSON (default: .local/bench/latest.json)")
    return found


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not more than 0")
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a count: give 1 or more")
    return number


def main(arguments: Sequence[str]) -> int:
    """Run. Returns: the exit code."""
    options = parser().parse_args(arguments)
    set_up_django(options.database)
    from django.db import OperationalError

    # These need Django's settings.
    from bench import data, explain
    from bench.run import run
    from bench.servers import ServerError

    try:
        code = explain.run(options, say) if options.explain else run(options, say)
        if options.drop:
            data.drop()
        return code
    except KeyboardInterrupt:
        return 130
    except OperationalError as error:
        return _refuse(f"PostgreSQL does not answer ({str(error).strip()}): start it, or check DATABASE_URL.")
    except (LookupError, ServerError) as error:
        return _refuse(str(error))


def _refuse(sentence: str) -> int:
    print(f"bench: {sentence}", file=sys.stderr)
    return 1


def set_up_django(database: str) -> None:
    """Django over the bench's own database on the server of `DATABASE_URL`."""
    address = urlsplit(os.environ["DATABASE_URL"])
    os.environ["DATABASE_URL"] = urlunsplit(address._replace(path=f"/{database}"))
    os.environ["DJANGO_SETTINGS_MODULE"] = "bench.settings"
    # As in production, but nobody is refused for asking too often, and this process itself is quiet. The origin stands
    # in every ready document.
    os.environ |= {
        "API_RATE": "1000000000/min",
        "DEBUG": "0",
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "WARNING",
        "PORTAL_ORIGIN": "http://127.0.0.1:8000",
        "WEB_CONCURRENCY": "2",
    }
    import django

    django.setup()


def say(line: str) -> None:
    print(line, file=sys.stdout, flush=True)
