"""Signing up, confirming, signing in, resetting: nobody learns who has an account, and links lead to the portal."""

from smtplib import SMTPServerDisconnected

import pytest
from allauth.account.models import EmailAddress
from django.core.mail.backends.locmem import EmailBackend
from django.urls import reverse

from alliance.members.forms import SignupForm
from alliance.members.models import User
from tests.members.conftest import PASSWORD, link_in


def sign_up(client, email: str, **fields: str):
    return client.post(
        reverse("account_signup"), {"email": email, "password1": PASSWORD, "password2": PASSWORD, **fields}
    )


def is_signed_in(client) -> bool:
    return "_auth_user_id" in client.session


def test_from_signing_up_to_signing_in(client, db, mails, sign_in):
    answer = sign_up(client, "Grace@Example.org", name="Grace")
    assert answer["Location"] == reverse("account_email_verification_sent")
    assert not is_signed_in(client)
    user = User.objects.get()
    assert (user.name, user.email) == ("Grace", "grace@example.org")
    sign_in("grace@example.org")
    assert not is_signed_in(client), "the address is not confirmed yet"

    path = link_in(mails[0], "/accounts/confirm-email/")
    assert client.get(path).status_code == 200
    assert not EmailAddress.objects.get().verified, "a program that looks at links must not confirm"
    client.post(path)
    assert EmailAddress.objects.get().verified
    sign_in("grace@example.org")
    assert is_signed_in(client)
    client.post(reverse("account_logout"))
    assert not is_signed_in(client)


def test_the_name_may_be_left_empty(client, db):
    sign_up(client, "grace@example.org")
    assert User.objects.get().name == ""


@pytest.mark.parametrize(
    "name",
    ["Win at https://evil.example", "www.evil.example", "cheap.com", "two\nlines", "<b>Bold</b>", "x" * 151, "a\0b"],
)
def test_a_name_is_no_advertisement(client, db, mails, name):
    answer = sign_up(client, "victim@example.org", name=name)
    assert answer.status_code == 200
    assert answer.context["form"].errors["name"]
    assert not mails
    assert not User.objects.exists()


@pytest.mark.parametrize("name", ["Ada Lovelace", "Dr. O'Neil-Smith, M.Sc.", "李小龙", "محمد", "J. R. R."])
def test_names_of_people_pass(name):
    assert SignupForm({"name": name}).is_valid()


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"password1": "short", "password2": "short"}, "password1"),
        ({"password1": "password123456", "password2": "password123456"}, "password1"),
        ({"password2": "something-else-entirely"}, "password2"),
        ({"email": "not an address"}, "email"),
        ({"email": ""}, "email"),
    ],
)
def test_what_is_wrong_is_said_at_the_field(client, db, fields, wrong):
    answer = sign_up(client, **{"email": "grace@example.org", **fields})
    assert answer.status_code == 200
    assert wrong in answer.context["form"].errors
    assert not User.objects.exists()


# --- nobody learns who has an account --------------------------------------------------------------------------------
def test_signing_up_with_a_known_address_looks_the_same(client, ada, mails):
    known, unknown = sign_up(client, "ada@example.org"), sign_up(client, "new@example.org")
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    assert [mail.to for mail in mails] == [["ada@example.org"], ["new@example.org"]]
    assert "already exists" in mails[0].body
    link_in(mails[0], "/accounts/password/reset/")
    assert User.objects.filter(email__iexact="ada@example.org").count() == 1


def test_resetting_the_password_of_an_unknown_address_looks_the_same(client, ada, mails):
    answers = [
        client.post(reverse("account_reset_password"), {"email": email})
        for email in ("ada@example.org", "nobody@example.org")
    ]
    assert len({(answer.status_code, answer["Location"]) for answer in answers}) == 1
    assert [mail.to for mail in mails] == [["ada@example.org"], ["nobody@example.org"]]
    link_in(mails[1], "/accounts/signup/")


def test_a_wrong_password_and_an_unknown_address_look_the_same(client, ada, sign_in):
    errors = {str(sign_in(email, "wrong").context["form"].errors) for email in ("ada@example.org", "no@example.org")}
    assert len(errors) == 1


# --- passwords -------------------------------------------------------------------------------------------------------
def test_resetting_the_password(client, ada, mails, sign_in):
    client.post(reverse("account_reset_password"), {"email": "ada@example.org"})
    path = link_in(mails[0], "/accounts/password/reset/key/")
    form = client.get(path, follow=True)
    new = "a-new-password-for-ada"
    answer = client.post(form.redirect_chain[-1][0], {"password1": new, "password2": new})
    assert answer.status_code == 302
    ada.refresh_from_db()
    assert ada.check_password(new)
    assert ada.password.startswith("argon2")
    again = client.get(path, follow=True)
    assert "token was" in again.content.decode() or "invalid" in again.content.decode().lower()
    sign_in(password=PASSWORD)
    assert not is_signed_in(client)
    sign_in(password=new)
    assert is_signed_in(client)


def test_guessing_passwords_is_stopped_and_others_still_get_in(client, ada, sign_in):
    for _ in range(5):
        sign_in(password="guess")
    answer = sign_in(password=PASSWORD)
    assert answer.status_code == 200
    assert "Too many failed" in answer.content.decode()
    assert not is_signed_in(client)


# --- mail ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("host", ["evil.example", "localhost"])
def test_links_in_mails_lead_to_the_portal_whatever_the_host_header_says(client, ada, mails, settings, host):
    settings.ALLOWED_HOSTS, settings.PORTAL_ORIGIN = ["*"], "https://portal.example"
    headers = {"host": host}
    client.post(reverse("account_reset_password"), {"email": "ada@example.org"}, headers=headers)
    client.post(
        reverse("account_signup"),
        {"email": "new@example.org", "password1": PASSWORD, "password2": PASSWORD},
        headers=headers,
    )
    client.post(reverse("account_reset_password"), {"email": "no@example.org"}, headers=headers)
    assert len(mails) == 3
    for message in mails:
        assert "https://portal.example/accounts/" in message.body
        assert host not in message.body.replace("@localhost", "")
        assert "Alliance for Best Practices and Standards in Smart Cities" in message.body
        assert "example.com" not in message.body


class DeadServer(EmailBackend):
    """A mail server that hangs up."""

    def send_messages(self, messages):
        raise SMTPServerDisconnected("Connection unexpectedly closed")


def test_a_mail_server_that_is_gone_is_explained(client, ada, settings, caplog):
    settings.EMAIL_BACKEND = f"{__name__}.DeadServer"
    answer = client.post(reverse("account_reset_password"), {"email": "ada@example.org"})
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert "The mail could not be sent" in answer.content.decode()
    assert "/password/reset/key/" not in caplog.text


def test_mails_of_a_local_portal_are_files(tmp_path):
    import os
    import subprocess
    import sys

    from django.conf import settings

    code = """
import django; django.setup()
from django.core.mail import send_mail
send_mail("Subject", "Body", None, ["ada@example.org"])
"""
    environment = {k: v for k, v in os.environ.items() if k != "EMAIL_URL"}
    environment |= {
        "PORTAL_LOCAL": "1",
        "PORTAL_STATE_DIR": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "alliance.settings",
    }
    subprocess.run([sys.executable, "-c", code], cwd=settings.BASE_DIR, env=environment, check=True, timeout=60)
    (written,) = (tmp_path / "mail").iterdir()
    assert "To: ada@example.org" in written.read_text()


# --- every page answers, in both languages ---------------------------------------------------------------------------
@pytest.mark.parametrize("language", ["", "/ar"])
@pytest.mark.parametrize(
    "path",
    [
        "login/",
        "signup/",
        "password/reset/",
        "password/reset/done/",
        "confirm-email/",
        "inactive/",
        "confirm-email/unknown/",
    ],
)
def test_pages_for_everybody(client, db, language, path):
    from django.utils import translation

    with translation.override("en"):
        answer = client.get(f"{language}/accounts/{path}")
    assert answer.status_code == 200
    assert "<h1" in answer.content.decode()


@pytest.mark.parametrize(
    "name",
    [
        "account_email",
        "account_change_password",
        "account_logout",
        "mfa_index",
        "usersessions_list",
        "account_reauthenticate",
    ],
)
def test_pages_for_members(client, ada, sign_in, name):
    assert client.get(reverse(name)).status_code == 302
    sign_in()
    answer = client.get(reverse(name))
    assert answer.status_code == 200
    assert "<h1" in answer.content.decode()
