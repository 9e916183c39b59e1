"""Keeps programs that advertise out of public forms, without a third party and without a script being needed.

A form that mixes in `GuardedForm` asks four things of who sends it:

- a field that people do not see stays empty;
- the form was open for a few seconds, told by a signed stamp that it carries;
- few forms came from the same network and for the same e-mail address;
- a proof that costs the sender: a script in the browser searches for a number whose hash with the stamp begins with
  zeros; without a script the form comes back once, waits, and is sent again, and fewer such forms are taken.

The stamp also names what the form makes (`key`), so that a form sent twice makes one thing.
"""

import base64
import hashlib
import ipaddress
import json
import secrets
import time
from dataclasses import dataclass
from typing import Any

from allauth.account.adapter import get_adapter
from django import forms
from django.core import signing
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

#: Seconds from a form's being shown to its being sent.
QUICKEST, SLOWEST = 3, 86_400
#: Seconds that a form without a proof waits before it is sent again.
WAIT = 15
#: Zero bits that the hash of a proof begins with: some 130,000 attempts, about a second on a phone.
PROOF_BITS = 17
HOUR = 3_600


@dataclass(frozen=True)
class Limit:
    """So many forms of a purpose an hour, from one sender of a sort."""

    sort: str
    an_hour: int


FROM_NETWORK = Limit("network", 20)
FROM_NETWORK_UNPROVEN = Limit("unproven", 6)
FOR_ADDRESS = Limit("address", 5)


def network_of(request: HttpRequest) -> str:
    """The sender's IPv4 address, or the /64 of an IPv6 one, which belongs to one line as a whole."""
    text = get_adapter(request).get_client_ip(request)
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return str(text)
    return str(ipaddress.ip_network(f"{address}/64", strict=False)) if address.version == 6 else str(address)


def is_over(limit: Limit, purpose: str, sender: str) -> bool:
    """Count one form. True when there were too many this hour; a portal without Redis does not count."""
    digest = hashlib.blake2b(f"{purpose} {limit.sort} {sender}".encode(), digest_size=12).hexdigest()
    made = cache.count(f"form-sent:{digest}", HOUR)  # type: ignore[attr-defined]
    return made is not None and made > limit.an_hour


def leading_zero_bits(digest: bytes) -> int:
    """How many bits of a digest are zero before the first one."""
    return len(digest) * 8 - int.from_bytes(digest, "big").bit_length()


def is_proof(stamp: str, number: str) -> bool:
    """Whether a number is a proof of work for a stamp."""
    if not number.isascii() or not number.isdigit():
        return False
    return leading_zero_bits(hashlib.sha256(f"{stamp}:{number}".encode()).digest()) >= PROOF_BITS


class GuardedForm(forms.Form):
    """A public form. Set `purpose`; name the field of the sender's address in `address_field`.

    Templates include `members/_guarded_errors.html` above the form, `members/_guard.html` inside it, and
    `members/_guard_script.html` in the block `scripts`. While `waiting` is set the form is right and only has to be
    sent again.
    """

    purpose = ""
    address_field = "email"
    guard_fields = ("stamp", "proof", "step", "fax_number")

    stamp = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)
    proof = forms.CharField(required=False, max_length=20, widget=forms.HiddenInput)
    step = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)
    fax_number = forms.CharField(
        required=False,
        label=_("Leave this field empty"),
        widget=forms.TextInput(attrs={"autocomplete": "off", "tabindex": "-1"}),
    )

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        #: Seconds to wait before the form is sent again; 0: no need.
        self.waiting = 0
        #: 429 when too many came; else 200.
        self.status = 200
        if not self.is_bound:
            self.initial["stamp"] = self._sign("stamp", secrets.token_urlsafe(18))
        self.fields["stamp"].widget.attrs.update({"data-proof-bits": PROOF_BITS})

    @property
    def own_fields(self) -> list[forms.BoundField]:
        """The fields that are not the guard's."""
        return [field for field in self if field.name not in self.guard_fields]

    @property
    def key(self) -> str:
        """43 URL-safe characters: a secret that names what this form makes, the same however often it is sent."""
        digest = salted_hmac(f"alliance.members.spam.key.{self.purpose}", self._nonce, algorithm="sha256").digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    @property
    def _nonce(self) -> str:
        return self._read("stamp", self.cleaned_data["stamp"])[0]

    def _signer(self, what: str) -> signing.Signer:
        return signing.Signer(salt=f"alliance.members.spam.{what}.{self.purpose}")

    def _sign(self, what: str, text: str) -> str:
        """The text and the time, signed."""
        return self._signer(what).sign(f"{text}.{int(time.time())}")

    def _read(self, what: str, signed: str) -> tuple[str, int]:
        """The text that was signed, and for how many seconds it has been. Raises: BadSignature."""
        text, _dot, moment = self._signer(what).unsign(signed).rpartition(".")
        return text, int(time.time()) - int(moment)

    def _replace(self, name: str, value: str) -> None:
        """What the form carries when it is shown again."""
        data = self.data.copy()  # type: ignore[attr-defined]
        data[self.add_prefix(name)] = value
        self.data = data

    def _begin_anew(self) -> None:
        self._replace("stamp", self._sign("stamp", secrets.token_urlsafe(18)))
        self._replace("proof", "")
        self._replace("step", "")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("fax_number"):
            self.add_error("fax_number", _("This field is a trap for programs. Empty it and send the form again."))
        self._check_stamp()
        if not self.errors:
            self._check_cost()
        return cleaned

    def _check_stamp(self) -> None:
        try:
            _nonce, age = self._read("stamp", self.cleaned_data.get("stamp", ""))
        except signing.BadSignature:
            age = SLOWEST + 1
        if age > SLOWEST:
            self._begin_anew()
            self._refuse(_("This form was open for too long. Everything you entered is still here: send it again."))
        elif age < QUICKEST and not self.errors:
            self._refuse(_("That was quicker than people type. Wait a few seconds and send the form again."))

    def _check_cost(self) -> None:
        sender, user = network_of(self.request), self.request.user
        proven = user.is_authenticated or is_proof(self.cleaned_data["stamp"], self.cleaned_data.get("proof", ""))
        if not proven and (seconds := self._seconds_left()):
            self.waiting = seconds
            self._refuse(
                ngettext(
                    "One more step, because your browser runs no script: wait %(n)d second, then send it again.",
                    "One more step, because your browser runs no script: wait %(n)d seconds, then send it again.",
                    seconds,
                )
                % {"n": seconds}
            )
            return
        address = str(self.cleaned_data.get(self.address_field, "")).lower()
        limits = [(FROM_NETWORK, sender), (FOR_ADDRESS, address)]
        if not proven:
            limits.append((FROM_NETWORK_UNPROVEN, sender))
        # Every limit counts this form, also when the first one is over already.
        over = [is_over(limit, self.purpose, who) for limit, who in limits if who]
        if any(over):
            self.status = 429
            self._refuse(
                _("Too many forms came from your network or for this address. Try again in an hour, with this page.")
            )

    def _seconds_left(self) -> int:
        """How long the form still has to wait; the wait begins anew when another text is sent."""
        text = hashlib.sha256(f"{self.cleaned_data['stamp']} {self._text()}".encode()).hexdigest()[:32]
        try:
            told, age = self._read("step", self.cleaned_data.get("step", ""))
        except signing.BadSignature:
            told, age = "", 0
        if told == text:
            return max(0, WAIT - age)
        self._replace("step", self._sign("step", text))
        return WAIT

    def _text(self) -> str:
        own = {name: value for name, value in self.cleaned_data.items() if name not in self.guard_fields}
        return json.dumps(own, default=str, sort_keys=True)

    def _refuse(self, sentence: Any) -> None:
        self.add_error(None, ValidationError(sentence, code="guard"))
