"""The environment variables that the portal's programs get."""

import os
from collections.abc import Mapping

from . import ports
from .accounts import Account
from .checkout import Checkout
from .processes import MARK

#: Would lead Python to other packages than those of .venv.
_FOREIGN = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "DJANGO_SETTINGS_MODULE", MARK}


def inherited() -> dict[str, str]:
    """The caller's environment without what belongs to other Python projects."""
    return {name: value for name, value in os.environ.items() if name not in _FOREIGN}


def portal_environment(checkout: Checkout, urls: Mapping[str, str], *, port: int) -> dict[str, str]:
    """One-machine mode. What the caller has set stays as it is.

    Args:
        urls: DATABASE_URL and REDIS_URL of embedded servers, as far as there are any.
        port: of the web server, for absolute links.
    """
    ours = {
        "PORTAL_LOCAL": "1",
        "PORTAL_STATE_DIR": str(checkout.files),
        "PORTAL_ORIGIN": ports.address(port),
        "ALLOWED_HOSTS": f"localhost,{ports.LOOPBACK}",
        "CSRF_TRUSTED_ORIGINS": f"{ports.address(port)},http://{ports.LOOPBACK}:{port}",
        "SECRET_KEY": checkout.secret("SECRET_KEY"),
        "METRICS_TOKEN": checkout.secret("METRICS_TOKEN"),
        "LOG_FORMAT": "text",
        "PYTHONUNBUFFERED": "1",
    }
    return ours | inherited() | dict(urls)


def supervised(environment: Mapping[str, str], checkout: Checkout, account: Account | None) -> dict[str, str]:
    """The same for a long-running process: marked, and at home where its account may write."""
    changed = {MARK: str(checkout.run)}
    if account is not None:
        changed |= {"HOME": str(checkout.files), "USER": account.name, "LOGNAME": account.name}
        for name in ("TMPDIR", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
            environment = {key: value for key, value in environment.items() if key != name}
    return dict(environment) | changed


def environment_for_tests(urls: Mapping[str, str], *, state: str, chromium: str | None) -> dict[str, str]:
    """For the test run: throw-away servers, one-machine mode, nothing of the caller's portal settings."""
    ours = {
        "PORTAL_LOCAL": "1",
        "PORTAL_STATE_DIR": state,
        "PORTAL_ORIGIN": "http://127.0.0.1:8000",
        "SECRET_KEY": "only-for-tests-" + "0" * 50,
        "METRICS_TOKEN": "only-for-tests",
        "PYTHONUNBUFFERED": "1",
    }
    if chromium:
        ours["PORTAL_CHROMIUM"] = chromium
    settings = {
        "ALLOWED_HOSTS",
        "CSRF_TRUSTED_ORIGINS",
        "EMAIL_URL",
        "LOG_FORMAT",
        "LOG_LEVEL",
        "STATIC_ROOT",
    }
    kept = {name: value for name, value in inherited().items() if name not in settings}
    return kept | ours | dict(urls)


def production_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """As a portal behind a proxy on the internet would be set up; `check --deploy` is run with it."""
    kept = {name: value for name, value in environment.items() if name != "PORTAL_LOCAL"}
    return kept | {
        "SECRET_KEY": os.urandom(40).hex(),
        "ALLOWED_HOSTS": "portal.example.org",
        "CSRF_TRUSTED_ORIGINS": "https://portal.example.org",
        "PORTAL_ORIGIN": "https://portal.example.org",
        "EMAIL_URL": "smtp+tls://portal:secret@mail.example.org:587",
        "PROXY_COUNT": "1",
    }
