"""Log lines are JSON, carry the request's id, and never a secret."""

import io
import json
import logging
import sys

import pytest
from django.urls import reverse

from alliance.core import request_id
from alliance.core.logging import (
    JsonFormatter,
    RequestIdFilter,
    TextFormatter,
    UnexplainedFilter,
    without_secrets,
)


def written(formatter: logging.Formatter, message: str, *args: object, **options: object) -> str:
    """What a logger with this formatter writes."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    handler.addFilter(RequestIdFilter())
    logger = logging.Logger("tests.logging")
    logger.addHandler(handler)
    logger.warning(message, *args, **options)
    return stream.getvalue()


def test_a_line_is_one_json_object_with_the_request_id_and_plain_extras():
    with request_id.working_for("request-4711"):
        line = written(JsonFormatter(), "two\nlines of %s", "text", extra={"status": 200, "request": object()})
    assert line.count("\n") == 1
    told = json.loads(line)
    assert told["message"] == "two\nlines of text"
    assert (told["level"], told["logger"], told["request_id"]) == ("WARNING", "tests.logging", "request-4711")
    assert told["status"] == 200
    assert "request" not in told
    assert told["time"].endswith("+00:00")


def test_outside_of_a_request_the_id_is_a_dash():
    assert json.loads(written(JsonFormatter(), "x"))["request_id"] == "-"


def test_a_lone_surrogate_does_not_stop_the_line():
    line = written(JsonFormatter(), "before \ud800 after, é")
    assert line.encode("utf-8")
    assert json.loads(line)["message"] == "before \ud800 after, é"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Not Found: /accounts/link/WzEsIjVm:1xVi:B40rKJGm/", "WzEsIjVm:1xVi:B40rKJGm"),
        ("GET /ar/accounts/confirm-email/abc123def/ 200", "abc123def"),
        ("GET /accounts/password/reset/key/1-c9k2x-9f86d081/ 302", "1-c9k2x-9f86d081"),
        ("postgres://portal:hunter2@db.example:5432/portal refused", "hunter2"),
        ("redis://:hunter2@10.0.0.1:6379/0 refused", "hunter2"),
        ("Authorization: Bearer tok-123456", "tok-123456"),
        ("{'password': 'hunter2', 'email': 'a@b.example'}", "hunter2"),
        ("password1=hunter2&next=/", "hunter2"),
        ("csrfmiddlewaretoken=XyZ123", "XyZ123"),
        ("Cookie: sessionid=abcdef0123; theme=dark", "abcdef0123"),
        ("__Host-session=abcdef0123", "abcdef0123"),
        ('{"token": "abcdef0123"}', "abcdef0123"),
        ("SECRET_KEY=abcdef0123", "abcdef0123"),
    ],
)
@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()], ids=["json", "text"])
def test_secrets_are_hidden(formatter, text, secret):
    line = written(formatter, "%s", text)
    assert secret not in line
    assert "[hidden]" in line


def test_what_is_no_secret_stays():
    text = "GET /use-cases/?vertical=water&country=DE 200 http://localhost:8000/accounts/login/"
    assert without_secrets(text) == text


def test_secrets_in_extras_and_tracebacks_are_hidden():
    try:
        raise ValueError("cannot reach redis://:hunter2@127.0.0.1/0")
    except ValueError:
        line = written(
            JsonFormatter(), "failed", exc_info=sys.exc_info(), extra={"api_token": "tok-1", "seen": "password=p4ss"}
        )
    told = json.loads(line)
    assert "Traceback" in told["exception"]
    assert told["api_token"] == "[hidden]"
    assert not [secret for secret in ("hunter2", "tok-1", "p4ss") if secret in line]


def test_an_explained_503_is_not_told_twice():
    record = logging.makeLogRecord({"status_code": 503})
    assert not UnexplainedFilter().filter(record)
    record.exc_info = (ValueError, ValueError("x"), None)
    assert UnexplainedFilter().filter(record)
    assert UnexplainedFilter().filter(logging.makeLogRecord({"status_code": 500}))


def test_the_access_line_has_the_route_and_no_query(client, db, caplog):
    with caplog.at_level(logging.INFO, logger="alliance.access"):
        answer = client.get(
            reverse("account_login") + "?next=/secret-place/&q=private", headers={"X-Request-ID": "abcd-1234"}
        )
    record = next(record for record in caplog.records if record.name == "alliance.access")
    assert answer.status_code == record.status == 200
    assert record.route == "/accounts/login/"
    assert record.method == "GET"
    assert record.duration_ms > 0
    assert "private" not in json.dumps(vars(record), default=str)
    assert json.loads(JsonFormatter().format(record))["path"] == "/accounts/login/"


def test_no_log_line_of_signing_in_holds_the_password_or_the_links_key(client, db, caplog):
    token = "WzEsIjVmMGJkZDAyMmY:1xVi8x:B40rKJGm1-5MAjAXp2FJ2la5q"
    with caplog.at_level(logging.DEBUG):
        client.post(reverse("account_login"), {"login": "ada@example.org", "password": "correct-horse-staple"})
        client.get(reverse("sign_in_link", args=[token]))
        client.get(f"/nowhere/accounts/link/{token}/")
    lines = "\n".join(JsonFormatter().format(record) for record in caplog.records)
    assert "/accounts/login/" in lines
    assert "/accounts/link/[hidden]/" in lines
    assert "correct-horse-staple" not in lines
    assert token not in lines
