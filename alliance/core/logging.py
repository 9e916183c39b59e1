"""One JSON object per log line, with the request's id and without secrets.

Standard library only: the web server formats its own lines with it before Django is set up.
"""

import json
import logging
import re
from datetime import UTC, datetime

from alliance.core import request_id

HIDDEN = "[hidden]"
#: What a log line must not show, and what stands there instead.
_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    # Whoever has one of these addresses can act for the person it was sent to.
    (
        re.compile(
            r"(/(?:accounts/(?:link|confirm-email|password/reset/key|notices/stop)|contact/ticket"
            r"|join/(?:application|confirm|invitation))/)[^/\s?#\"'<>]+"
        ),
        rf"\1{HIDDEN}",
    ),
    # Name and password in an address, such as DATABASE_URL.
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/\s@\"']*@", re.IGNORECASE), rf"\1{HIDDEN}@"),
    (re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]+", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (
        re.compile(
            r"((?:password\d?|passwd|passphrase|secret(?:_key)?|token|api_?key|csrfmiddlewaretoken|csrftoken"
            r"|sessionid|session_key|credential|__Host-(?:session|csrf))[\"']?\s*[=:]\s*[\"']?)[^\s\"'&;,}]+",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
)
#: Without one of these no text holds a secret.
_SUSPICIOUS = re.compile(r"[:=\s]|/accounts/")
_SECRET_NAME = re.compile(r"password|passwd|secret|token|cookie|authorization|credential|session_key", re.IGNORECASE)
_OWN_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "request_id", "taskName"}


def without_secrets(text: str) -> str:
    """The text with every password, token and personal link replaced by `[hidden]`."""
    if _SUSPICIOUS.search(text) is None:
        return text
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


class RequestIdFilter(logging.Filter):
    """Gives each record `request_id`: that of the request or task that the code works for, else "-"."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "request_id"):
            record.request_id = request_id.current().request_id or "-"
        return True


class UnexplainedFilter(logging.Filter):
    """Lets through exceptions, and drops Django's remark that an answer had the status 503."""

    def filter(self, record: logging.LogRecord) -> bool:
        return bool(record.exc_info) or getattr(record, "status_code", None) != 503


class TextFormatter(logging.Formatter):
    """Lines for people, without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


_json = json.JSONEncoder(ensure_ascii=False)


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time (UTC), level, logger, message, request_id, the extras that are plain values,
    and the traceback as `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": without_secrets(record.getMessage()),
            "request_id": getattr(record, "request_id", None) or request_id.current().request_id or "-",
        }
        for name, value in vars(record).items():
            if name in _OWN_ATTRIBUTES or name in line or not isinstance(value, (str, int, float, bool)):
                continue
            if _SECRET_NAME.search(name):
                value = HIDDEN
            line[name] = without_secrets(value) if isinstance(value, str) else value
        if record.exc_info:
            line["exception"] = without_secrets(self.formatException(record.exc_info))
        if record.stack_info:
            line["stack"] = without_secrets(self.formatStack(record.stack_info))
        # A lone surrogate in a message must not stop the line from being written.
        return _json.encode(line).encode("utf-8", "backslashreplace").decode("utf-8")
