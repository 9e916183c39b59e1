"""One-time sign-in links: how the administrator of a fresh portal gets in without a password.

A link is signed, valid for a quarter of an hour, and bound to the account's password and last sign-in: signing in,
by the link or otherwise, uses it up.
"""

from datetime import timedelta

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

from alliance.members.models import User

VALID_FOR = timedelta(minutes=15)
_SALT = "alliance.members.sign_in_link"


def _state_of(user: User) -> str:
    """A digest of what changes when the user signs in, or gets another password, address or standing."""
    last_login = user.last_login.isoformat() if user.last_login else ""
    text = f"{user.pk} {user.password} {last_login} {user.email} {user.is_active}"
    return salted_hmac(_SALT, text, algorithm="sha256").hexdigest()[:32]


def make_token(user: User) -> str:
    """A signed text of URL-safe characters that lets its bearer sign in as the user, once, within `VALID_FOR`."""
    return signing.dumps([user.pk, _state_of(user)], salt=_SALT)


def link_for(user: User) -> str:
    """The absolute address, on PORTAL_ORIGIN, that signs the user in."""
    return f"{settings.PORTAL_ORIGIN}{reverse('sign_in_link', args=[make_token(user)])}"


def user_of(token: str, *, lock: bool = False) -> User | None:
    """The user whom the token signs in; None when it is forged, too old, or used.

    Args:
        lock: keep others from using the same token until the running transaction ends.
    """
    try:
        primary_key, state = signing.loads(token, salt=_SALT, max_age=VALID_FOR)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    users = User.objects.select_for_update() if lock else User.objects.all()
    user = users.filter(pk=primary_key, is_active=True).first()
    return user if user and constant_time_compare(state, _state_of(user)) else None


@transaction.atomic
def local_administrator() -> User:
    """The superuser of a portal for one machine, made on the first call.

    Raises: ValueError when this is not such a portal and no active superuser exists.
    """
    administrator = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if administrator is not None:
        return administrator
    if not settings.LOCAL:
        raise ValueError("There is no active superuser. Make one with `manage.py createsuperuser`.")
    from allauth.account.models import EmailAddress

    administrator = User.objects.create_superuser("admin@localhost")
    EmailAddress.objects.create(user=administrator, email=administrator.email, verified=True, primary=True)
    return administrator
