"""Fills in guarded forms the way a browser does: with the stamp of the page, and with the proof or without."""

import hashlib
import html
import itertools
import re
from datetime import timedelta
from typing import Any

import time_machine
from django.test import Client
from django.utils import timezone

from alliance.members import spam


def proof_of(stamp: str) -> str:
    """The number that the script in the browser finds."""
    for number in itertools.count():
        digest = hashlib.sha256(f"{stamp}:{number}".encode()).digest()
        if spam.leading_zero_bits(digest) >= spam.PROOF_BITS:
            return str(number)
    raise AssertionError


def hidden_fields(page: str) -> dict[str, str]:
    """Name -> value of the guard's fields in a page."""
    found = {}
    for tag in re.findall(r"<input[^>]+>", page):
        name, value = re.search(r'name="([^"]+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and name[1] in spam.GuardedForm.guard_fields:
            found[name[1]] = html.unescape(value[1]) if value else ""
    return found


def send(client: Client, path: str, data: dict[str, Any], *, proven: bool = True, after: int = 10):
    """Open the page, take some time, send the form. Returns: the answer."""
    fields = hidden_fields(client.get(path).content.decode())
    if proven:
        fields["proof"] = proof_of(fields["stamp"])
    with time_machine.travel(timezone.now() + timedelta(seconds=after), tick=False):
        return client.post(path, {**fields, **data})
