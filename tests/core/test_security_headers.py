"""What browsers are told to refuse, on every kind of answer."""

import os
import re
import subprocess
import sys

import pytest
from django.conf import settings as portal_settings
from django.core.exceptions import ImproperlyConfigured

from alliance.core.middleware import policy_text

PAGES = ["/", "/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/no-such-page/", "/use-cases/"]


def directives(header: str) -> dict[str, list[str]]:
    return {name: sources for name, *sources in (part.split() for part in header.split(";"))}


@pytest.mark.parametrize("path", [*PAGES, "/api/v1/", "/static/no-such-file.css", "/admin/", "/?q=%00"])
def test_every_answer_has_the_headers(client, db, path):
    answer = client.get(path)
    policy = directives(answer["Content-Security-Policy"])
    assert policy["default-src"] == ["'none'"]
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == ["'self'"]
    assert policy["frame-ancestors"] == policy["base-uri"] == ["'none'"]
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer["Cross-Origin-Resource-Policy"]
    assert "camera=()" in answer["Permissions-Policy"]
    assert re.fullmatch(r"[0-9a-f]{32}", answer["X-Request-ID"])


@pytest.mark.parametrize("path", PAGES)
def test_pages_need_nothing_that_the_policy_forbids(client, db, path):
    html = client.get(path).content.decode()
    scripts = re.findall(r"<script\b([^>]*)>", html)
    assert not [script for script in scripts if "src=" not in script and "json" not in script], "an inline script"
    assert not re.search(r"<style\b", html), "an inline stylesheet"
    assert not re.search(r"<[a-z][^>]*\s(?:style|on[a-z]+)\s*=", html), "an inline style or handler"
    addresses = re.findall(r"<(?:script|link|img|source|iframe|form)\b[^>]*?(?:src|href|action)=\"([^\"]+)\"", html)
    outside = [
        address
        for address in addresses
        if re.match(r"(?:https?:)?//", address) and not address.startswith(portal_settings.PORTAL_ORIGIN)
    ]
    assert not outside, "a third-party request"


def test_a_view_may_set_its_own_value(rf):
    from django.http import HttpResponse

    from alliance.core.middleware import SecurityHeadersMiddleware

    own = HttpResponse(headers={"Cross-Origin-Resource-Policy": "cross-origin"})
    answer = SecurityHeadersMiddleware(lambda request: own)(rf.get("/"))
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer["Content-Security-Policy"]


@pytest.mark.parametrize("source", ["'unsafe-inline'", "'unsafe-eval'", "*"])
def test_a_policy_with_a_hole_does_not_start(source):
    with pytest.raises(ImproperlyConfigured):
        policy_text({"script-src": ["'self'", source]})


@pytest.fixture(scope="module")
def production_environment(tmp_path_factory) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in ("PATH", "HOME", "LANG", "REDIS_URL", "STATIC_ROOT")
    }
    return kept | {
        "DATABASE_URL": os.environ["DATABASE_URL"],
        "SECRET_KEY": "a-long-secret-of-the-test-with-more-than-fifty-characters-0123456789",
        "ALLOWED_HOSTS": "portal.example",
        "PORTAL_ORIGIN": "https://portal.example",
        "PORTAL_STATE_DIR": str(tmp_path_factory.mktemp("state")),
        "EMAIL_URL": "consolemail://",
    }


def run(code: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *code],
        cwd=portal_settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_check_deploy_is_clean(production_environment):
    done = run(["manage.py", "check", "--deploy", "--fail-level", "WARNING"], production_environment)
    assert done.returncode == 0, done.stdout + done.stderr


def test_in_production_addresses_are_https_only(production_environment):
    code = """
import django; django.setup()
from django.test import Client
plain = Client().get("/accounts/login/", headers={"host": "portal.example"})
secure = Client().get("/accounts/login/", headers={"host": "portal.example"}, secure=True)
print(plain.status_code, plain["Location"])
print(secure["Strict-Transport-Security"])
print([(n, bool(c["secure"]), bool(c["httponly"]), c["samesite"]) for n, c in secure.cookies.items()])
"""
    done = run(["-c", code], production_environment | {"DJANGO_SETTINGS_MODULE": "alliance.settings"})
    assert done.returncode == 0, done.stderr
    redirect, transport, cookies = done.stdout.strip().splitlines()
    assert redirect == "301 https://portal.example/accounts/login/"
    assert transport == "max-age=31536000; includeSubDomains; preload"
    assert cookies == "[('__Host-csrf', True, True, 'Lax')]"


@pytest.mark.parametrize("missing", ["SECRET_KEY", "DATABASE_URL", "REDIS_URL"])
def test_secrets_come_from_the_environment_only(production_environment, missing):
    environment = {name: value for name, value in production_environment.items() if name != missing}
    done = run(["manage.py", "check"], environment)
    assert done.returncode != 0
    assert missing in done.stderr
