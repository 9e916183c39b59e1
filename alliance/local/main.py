"""Command line of `./portal`: what was typed, which command it is, and how it ends."""

import argparse
import errno
import os
import sys
import time
import traceback
from pathlib import Path

from . import checks, commands, interruption
from .checkout import Checkout
from .console import Console, sentence
from .install import python_problem
from .problems import Problem

EXAMPLES = """examples:
  ./portal up                     start everything; Ctrl-C stops it
  ./portal up --port 9000         the same on port 9000
  ./portal test                   every check and test
  ./portal test --only pytest -- -k compare
  ./portal manage shell           a management command with the database running
"""


def run(arguments: list[str], root: Path) -> int:
    """Run one command. Returns: its exit code; whatever goes wrong ends in one sentence."""
    checkout = Checkout(root)
    console = Console()
    interruption.listen()
    try:
        if problem := python_problem(sys.version_info[:2]):
            raise Problem(problem)
        return _dispatch(arguments, checkout, console)
    except Problem as problem:
        for line in problem.lines:
            sentence(f"  {line}")
        sentence(f"portal: {problem.sentence}")
        return problem.code
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        _write_traceback(checkout)
        sentence(f"portal: {os_error_sentence(error, checkout)}")
        return 1
    except Exception as error:  # the last stop: nobody should read a traceback on the terminal
        log = _write_traceback(checkout)
        told = f"the details are in {log}" if log else "and the details could not be written down"
        sentence(f"portal: Something unforeseen went wrong ({type(error).__name__}: {error}): {told}.")
        return 1


def os_error_sentence(error: OSError, checkout: Checkout) -> str:
    """One sentence with a cure for what the operating system refuses."""
    place = error.filename or checkout.state
    if error.errno == errno.ENOSPC:
        return f"The disk that holds {checkout.root} is full: free some space and run again."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return (
            f"No permission to use {place}: run ./portal as the account that owns {checkout.root}, "
            "or make that folder yours with chown."
        )
    log = checkout.log("portal")
    return f"The system refused something ({error}): mend that and run again; the details are in {log}."


def _write_traceback(checkout: Checkout) -> Path | None:
    log = checkout.log("portal")
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as output:
            output.write(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} {' '.join(sys.argv)}\n")
            traceback.print_exc(file=output)
    except OSError:
        return None
    return log


def _dispatch(arguments: list[str], checkout: Checkout, console: Console) -> int:
    # These hand their arguments on as they are, options included.
    if arguments[:1] == ["manage"]:
        return commands.manage(checkout, console, arguments[1:])
    if arguments[:1] == ["bench"]:
        return commands.bench(checkout, console, arguments[1:])
    if arguments[:1] == ["test"]:
        return checks.test(checkout, console, arguments[1:])
    parser = make_parser()
    options = parser.parse_args(arguments)
    match options.command:
        case "up":
            return commands.up(checkout, console, port=options.port)
        case "stop":
            return commands.stop(checkout, console)
        case "reset":
            return commands.reset(checkout, console, yes=options.yes)
        case "status":
            return commands.show_status(checkout, console, as_json=options.json)
        case "logs":
            return commands.logs(checkout, console, service=options.service, follow=options.follow)
    parser.print_help()
    return 0


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./portal",
        description="The portal on one machine, with its own PostgreSQL and Valkey.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_subparsers(dest="command", metavar="command", title="commands").add_parser
    start = add("up", help="install, prepare and start everything; Ctrl-C stops it")
    start.add_argument("--port", type=port_number, help="of the web server (default: 8000, or the next free one)")
    add("stop", help="stop the portal of this checkout from another terminal")
    add("test", help="run every check and test; further arguments go to pytest")
    add("manage", help="run a management command against the embedded services")
    add("bench", help="run the benchmarks in bench/")
    show = add("status", help="address and state of each service")
    show.add_argument("--json", action="store_true", help="as JSON, for programs")
    read = add("logs", help="show the end of the logs")
    read.add_argument("-f", "--follow", action="store_true", help="go on showing what is added")
    read.add_argument("service", nargs="?", help="only this one: web, worker, postgres, valkey, ...")
    delete = add("reset", help="delete the local data, after asking")
    delete.add_argument("--yes", action="store_true", help="do not ask")
    add("help", help="show this")
    return parser


def port_number(text: str) -> int:
    """A port as typed. Raises: argparse.ArgumentTypeError with what would be right."""
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 1024 to 65535")
    return int(text)


def main(root: Path) -> None:
    try:
        code = run(sys.argv[1:], root)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, say `head`, has left; nothing more to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code)
