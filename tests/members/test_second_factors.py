"""Authenticator apps and recovery codes."""

import re
import time

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from cryptography.fernet import InvalidToken
from django.urls import reverse

from alliance.members.adapters import MfaAdapter
from alliance.members.models import User
from tests.members.conftest import PASSWORD


@pytest.fixture(autouse=True)
def _early_in_a_code_s_half_minute():
    """A code is good for its half minute: no test may straddle the end of one."""
    now = time.time()
    with time_machine.travel(now - now % 30 + 2, tick=True):
        yield


def code_of(secret: str, steps: int = 0) -> str:
    """What the app shows now, or some steps of 30 seconds later."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


@pytest.fixture
def secret(client, ada, sign_in) -> str:
    """The secret of Ada's new app, activated through the page."""
    sign_in()
    assert "reauthenticate" in client.get(reverse("mfa_activate_totp"))["Location"]
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    page = client.get(reverse("mfa_activate_totp"))
    assert page.status_code == 200
    html = page.content.decode()
    assert 'src="data:image/svg+xml' in html, "the QR code, which the policy allows as data:"
    secret = page.context["form"].secret
    answer = client.post(reverse("mfa_activate_totp"), {"code": code_of(secret)})
    assert answer.status_code == 302
    return secret


def is_signed_in(client) -> bool:
    return "_auth_user_id" in client.session


def test_the_app_is_asked_for_after_the_password(client, secret, sign_in):
    client.post(reverse("account_logout"))
    assert sign_in()["Location"] == reverse("mfa_authenticate")
    assert not is_signed_in(client)
    wrong = client.post(reverse("mfa_authenticate"), {"code": "000000"})
    assert wrong.status_code == 200
    assert not is_signed_in(client)
    client.post(reverse("mfa_authenticate"), {"code": code_of(secret)})
    assert is_signed_in(client)


def test_a_code_is_used_up(client, secret, sign_in):
    code = code_of(secret)
    for expected in (True, False):
        client.post(reverse("account_logout"))
        sign_in()
        client.post(reverse("mfa_authenticate"), {"code": code})
        assert is_signed_in(client) is expected


def test_recovery_codes_work_once_each(client, secret, sign_in):
    page = client.get(reverse("mfa_view_recovery_codes"))
    codes = re.findall(r"\b[0-9a-f]{8}\b|\b[A-Z0-9]{4,5}-[A-Z0-9]{4,5}\b", page.content.decode())
    codes = [code for code in codes if code in page.context["unused_codes"]] or list(page.context["unused_codes"])
    assert len(codes) == 10
    for expected in (True, False):
        client.post(reverse("account_logout"))
        sign_in()
        client.post(reverse("mfa_authenticate"), {"code": codes[0]})
        assert is_signed_in(client) is expected
    client.post(reverse("account_logout"))
    sign_in()
    client.post(reverse("mfa_authenticate"), {"code": codes[1]})
    assert is_signed_in(client)


def test_the_admin_cannot_be_entered_around_the_second_factor(client, secret, ada):
    User.objects.filter(pk=ada.pk).update(is_staff=True, is_superuser=True)
    client.post(reverse("account_logout"))
    client.post("/admin/login/", {"username": "ada@example.org", "password": PASSWORD})
    assert not is_signed_in(client)


def test_the_secrets_are_stored_encrypted(secret):
    stored = {row.type: str(row.data) for row in Authenticator.objects.all()}
    assert set(stored) == {"totp", "recovery_codes"}
    assert secret not in stored["totp"]


def test_an_older_secret_key_still_opens_what_it_closed(settings):
    closed = MfaAdapter().encrypt("the secret")
    assert MfaAdapter().encrypt("the secret") != closed
    old, settings.SECRET_KEY = settings.SECRET_KEY, "a-new-key-a-new-key-a-new-key-a-new-key-a-new-key-x"
    with pytest.raises(InvalidToken):
        MfaAdapter().decrypt(closed)
    settings.SECRET_KEY_FALLBACKS = [old]
    assert MfaAdapter().decrypt(closed) == "the secret"


def test_switching_the_app_off_asks_who_it_is(client, secret):
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 3_600
    session.save()
    answer = client.post(reverse("mfa_deactivate_totp"))
    assert "reauthenticate" in answer["Location"]
    assert Authenticator.objects.filter(type="totp").exists()
