"""What allauth asks this portal: where links lead, how mail leaves, and how secrets are kept."""

import base64
import logging
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMessage
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from alliance.core.middleware import ServiceGoneError

log = logging.getLogger(__name__)


def on_our_origin(url: str) -> str:
    """The same address on PORTAL_ORIGIN: a forged Host header must not lead people elsewhere."""
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    return f"{settings.PORTAL_ORIGIN}{parts.path}{query}"


def portal_site() -> SimpleNamespace:
    """The portal as allauth's mails name it."""
    return SimpleNamespace(
        name=_("Alliance for Best Practices and Standards in Smart Cities"),
        domain=urlsplit(settings.PORTAL_ORIGIN).netloc,
    )


class AccountAdapter(DefaultAccountAdapter):
    """Sign-in by e-mail. Nobody learns from an answer whether an address has an account."""

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send one mail now. Raises: ServiceGoneError when the mail server does not take it."""
        context = {
            name: on_our_origin(value) if name.endswith("_url") and isinstance(value, str) else value
            for name, value in context.items()
        }
        message = self.render_mail(
            template_prefix,
            email,
            {"request": self.request, "email": email, **context, "current_site": portal_site()},
        )
        self.deliver(message, template_prefix)

    @staticmethod
    def deliver(message: EmailMessage, purpose: str) -> None:
        """Hand a mail over. Raises: ServiceGoneError."""
        try:
            message.send()
        except OSError as error:  # also smtplib.SMTPException
            log.exception("A mail (%s) could not be sent: %s", purpose, type(error).__name__)
            detail = _("The mail could not be sent just now. Try again in a few minutes.")
            raise ServiceGoneError("mail", detail) from error

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address that rate limits count by; that of the connection when the proxies' header is too short."""
        try:
            return super().get_client_ip(request)
        except ImproperlyConfigured:
            return str(request.META.get("REMOTE_ADDR", ""))


def _fernet(secret_key: str) -> Fernet:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"alliance.members.second-factor").derive(
        secret_key.encode()
    )
    return Fernet(base64.urlsafe_b64encode(key))


class MfaAdapter(DefaultMFAAdapter):
    """Second factors. Their secrets are stored encrypted under SECRET_KEY; older keys are in SECRET_KEY_FALLBACKS."""

    @staticmethod
    def _keys() -> MultiFernet:
        return MultiFernet([_fernet(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])

    def encrypt(self, text: str) -> str:
        return self._keys().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return self._keys().decrypt(encrypted_text.encode()).decode()

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {
            "id": urlsplit(settings.PORTAL_ORIGIN).hostname or "localhost",
            "name": settings.MFA_TOTP_ISSUER,
        }
