"""`manage.py sign_in_link`: print an address that signs the administrator in, once."""

from django.core.management.base import BaseCommand, CommandError, CommandParser

from alliance.members import sign_in_links
from alliance.members.models import User


class Command(BaseCommand):
    help = (
        "Prints a one-time sign-in link, valid for 15 minutes. Without an address it is for the first superuser; "
        "on a portal for one machine that user is made when there is none."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", nargs="?", help="sign-in address of the user; the first superuser by default")

    def handle(self, *args, **options) -> None:
        if email := options["email"]:
            user = User.objects.filter(email__iexact=email, is_active=True).first()
            if user is None:
                raise CommandError(f"No active user has the address {email}.")
        else:
            try:
                user = sign_in_links.local_administrator()
            except ValueError as error:
                raise CommandError(str(error)) from error
        self.stdout.write(sign_in_links.link_for(user))
