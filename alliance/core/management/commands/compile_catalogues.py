"""`manage.py compile_catalogues`: message catalogues from .po to .mo, with Babel instead of the gettext tools."""

from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    help = "Compiles locale/*/LC_MESSAGES/*.po; refuses all of them when one has an error."
    # Runs before the database is there.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="only look for errors")

    def handle(self, *args, **options) -> None:
        faults: list[str] = []
        compiled = []
        for path in sorted(
            file for folder in settings.LOCALE_PATHS for file in Path(folder).glob("*/LC_MESSAGES/*.po")
        ):
            locale = path.parent.parent.name
            try:
                with path.open("rb") as source:
                    catalogue = read_po(source, locale=locale, abort_invalid=True)
            except (PoFileError, UnicodeDecodeError, ValueError) as error:
                faults.append(f"{path}: cannot be read: {error}")
                continue
            for message, errors in catalogue.check():
                line = message.lineno or 0
                faults += [f"{path}:{line}: {message.id!r}: {error}" for error in errors]
            compiled.append((path, catalogue))
        if faults:
            raise CommandError("\n".join(faults))
        for path, catalogue in [] if options["check"] else compiled:
            target = path.with_suffix(".mo")
            # Written aside first: a running portal must never read half a catalogue.
            aside = target.with_suffix(".mo.new")
            with aside.open("wb") as file:
                write_mo(file, catalogue)
            aside.replace(target)
        if options["verbosity"]:
            self.stdout.write(f"{len(compiled)} message catalogues {'checked' if options['check'] else 'compiled'}.")
