"""Takes a mail that answers a ticket: for the pipe of a mail system."""

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError

from alliance.members import incoming


class Command(BaseCommand):
    help = (
        "Reads one mail from standard input and adds it to its ticket. The exit status tells the mail system what to "
        "do: 0 taken (or dropped, when a program sent it), 65 too large or without text, 77 not from whom it was sent "
        "to, 75 try again later. The same mail may be handed over again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--recipient", default="", help="whom the mail is for, such as ${recipient} of Postfix")

    def handle(self, *args: Any, recipient: str, **options: Any) -> None:
        data = sys.stdin.buffer.read(incoming.LARGEST_BYTES + 1)
        try:
            message = incoming.receive(data, recipient)
        except incoming.Refused as refused:
            if refused.is_silent:
                self.stderr.write(f"Dropped. {refused}")
                return
            code = os.EX_NOPERM if refused.is_foreign else os.EX_DATAERR
            raise CommandError(str(refused), returncode=code) from None
        except (OperationalError, InterfaceError) as error:
            raise CommandError(f"Try again later: {type(error).__name__}", returncode=os.EX_TEMPFAIL) from None
        self.stdout.write("Taken before." if message is None else f"Added to ticket {message.inquiry.number}.")
