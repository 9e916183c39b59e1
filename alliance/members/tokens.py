"""Tokens with which programs act for a person: made, recognised, taken back.

A token is shown once. The database holds a keyed hash of its secret: whoever reads the table cannot use what it finds.
"""

import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from alliance.members.models import ApiToken, Organisation, Scope, User

#: The longest life of a token; a person has so many at once.
MOST_DAYS, MOST_TOKENS = 365, 20
#: A token in steady use is noted this often.
NOTED_EVERY = timedelta(minutes=5)
#: Programs that look for leaked secrets know them by this.
PREFIX = "alliance_"
_SHAPE = re.compile(r"alliance_(?P<key>[0-9a-f]{16})\.(?P<secret>[A-Za-z0-9_-]{43})")


def valid(rows: QuerySet[ApiToken], now: datetime) -> QuerySet[ApiToken]:
    """Those that work."""
    return rows.filter(revoked_at=None, expires_at__gt=now, user__is_active=True)


@transaction.atomic
def make_token(
    *, actor: User, name: str, scopes: Sequence[str], days: int, organisation: Organisation | None = None
) -> tuple[ApiToken, str]:
    """A new token of the actor, and its text, which nobody sees again.

    Args:
        organisation: of the actor; the token then reports for this one alone.
        days: until it ends by itself, at most `MOST_DAYS`.
    Raises: ValidationError; PermissionDenied for another's organisation.
    """
    if organisation is not None and not Organisation.objects.of(actor).contains(organisation):
        raise PermissionDenied
    if not name.strip():
        raise ValidationError({"name": _("Say what it is for.")})
    if not scopes or not set(scopes) <= set(Scope.values):
        raise ValidationError({"scopes": _("Choose what it may do.")})
    if not 1 <= days <= MOST_DAYS:
        raise ValidationError({"days": _("It is valid for 1 to %(most)s days.") % {"most": MOST_DAYS}})
    now = timezone.now()
    # Two made at once are counted one after the other.
    User.objects.select_for_update().get(pk=actor.pk)
    if valid(ApiToken.objects.filter(user=actor), now).count() >= MOST_TOKENS:
        raise ValidationError(_("You have %(most)s tokens. Take one back first.") % {"most": MOST_TOKENS})
    key, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        user=actor,
        organisation=organisation,
        name=name.strip()[:100],
        key=key,
        secret_digest=digest(secret, settings.SECRET_KEY),
        scopes=sorted(set(scopes)),
        expires_at=now + timedelta(days=days),
    )
    return token, f"{PREFIX}{key}.{secret}"


@transaction.atomic
def revoke_token(*, token: ApiToken, actor: User) -> ApiToken:
    """Take a token back; a second time changes nothing. Raises: PermissionDenied."""
    token = ApiToken.objects.select_for_update().get(pk=token.pk)
    if token.user_id != actor.pk:
        raise PermissionDenied
    if token.revoked_at is None:
        token.revoked_at = timezone.now()
        token.save()
    return token


def recognise(text: str) -> ApiToken | None:
    """The token that a program shows; None for one that is wrong, ended or taken back.

    All of these take the same time, so that a secret cannot be guessed piece by piece.
    """
    match = _SHAPE.fullmatch(text)
    now = timezone.now()
    tokens = valid(ApiToken.objects.select_related("user", "organisation"), now)
    token = tokens.filter(key=match["key"]).first() if match else None
    kept = token.secret_digest if token else ""
    secret = match["secret"] if match else ""
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        if constant_time_compare(kept, digest(secret, key)) and token is not None:
            _note_use(token, now)
            return token
    return None


def digest(secret: str, key: str) -> str:
    """HMAC-SHA-256 of a secret, with a key that is made of the portal's own for this purpose alone."""
    return salted_hmac("alliance.members.tokens", secret, secret=key, algorithm="sha256").hexdigest()


def _note_use(token: ApiToken, now: datetime) -> None:
    """Write down that it was used, at most every few minutes."""
    if token.last_used_at is None or now - token.last_used_at >= NOTED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
