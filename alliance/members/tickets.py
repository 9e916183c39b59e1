"""Numbers of tickets, and the addresses at which each side of a ticket can answer by mail.

The address is `ticket+<number>.<signature>@<host>`. The signature is made of the number and of the address of the one
whom the mail was sent to, so only who got a mail of a ticket can answer to it, and only from the same address.
"""

import re
from email.utils import getaddresses
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection
from django.utils.crypto import constant_time_compare, salted_hmac

_SALT = "alliance.members.tickets"
#: Hexadecimal digits of a signature: mail systems may change capitals, and 80 bits cannot be guessed by mail.
_DIGITS = 20


def next_number() -> int:
    """A number that no other ticket has or will have."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('members_ticket_number')")
        return cursor.fetchone()[0]


def _signature(number: int, participant: str, secret: str | None = None) -> str:
    told = f"{number}:{participant.strip().lower()}"
    return salted_hmac(_SALT, told, secret=secret, algorithm="sha256").hexdigest()[:_DIGITS]


def is_signature(signature: str, number: int, participant: str) -> bool:
    """Whether this portal has signed the number for the participant; keys that were in use before count too."""
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return any(constant_time_compare(_signature(number, participant, key), signature.lower()) for key in keys)


def reply_address(number: int, participant: str) -> str:
    """Where the participant can answer by mail; empty when this portal takes no mail."""
    local, at, host = settings.TICKET_ADDRESS.rpartition("@")
    return f"{local}+{number}.{_signature(number, participant)}{at}{host}" if at else ""


def reply_headers(number: int, participant: str) -> dict[str, str]:
    """Headers of a mail of a ticket: mail programs show all mails of one as one thread."""
    thread = f"<ticket.{number}@{urlsplit(settings.PORTAL_ORIGIN).hostname or 'localhost'}>"
    headers = {"In-Reply-To": thread, "References": thread}
    if address := reply_address(number, participant):
        headers["Reply-To"] = address
    return headers


def find(texts: list[str]) -> tuple[int, str] | None:
    """Number and signature in the first ticket address among the values of address headers."""
    local, at, host = settings.TICKET_ADDRESS.rpartition("@")
    if not at:
        return None
    form = re.compile(
        rf"{re.escape(local)}\+([1-9][0-9]{{0,8}})\.([0-9a-f]{{{_DIGITS}}})@{re.escape(host)}", re.IGNORECASE
    )
    for _name, address in getaddresses(texts):
        if found := form.fullmatch(address.strip()):
            return int(found[1]), found[2]
    return None


def is_ours(address: str) -> bool:
    """Whether mail from this address would be our own."""
    own = {settings.TICKET_ADDRESS, *(one for _name, one in getaddresses([settings.DEFAULT_FROM_EMAIL]))}
    local, at, host = address.lower().rpartition("@")
    return f"{local.split('+')[0]}{at}{host}" in {one.lower() for one in own if one}
