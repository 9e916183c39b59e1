"""What every test may ask for."""

import os
import re
import shutil

import hypothesis
import pytest
from django.conf import settings as portal_settings
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.utils import translation
from whitenoise.base import WhiteNoise
from xdist.remote import Producer
from xdist.scheduler.loadscope import LoadScopeScheduling

from alliance.core.facets import Names
from alliance.events import exporting
from tests import snapshot
from tests.browsers import close_contexts


def _own_redis_database() -> None:
    """Give each worker of a parallel run its own Redis database, as it has its own PostgreSQL database."""
    worker = re.fullmatch(r"gw(\d+)", os.environ.get("PYTEST_XDIST_WORKER", ""))
    if worker is None:
        return
    address = re.sub(r"/\d*$", "", portal_settings.REDIS_URL) + f"/{int(worker[1]) % 15 + 1}"
    os.environ["REDIS_URL"] = address  # for the servers that tests start
    portal_settings.REDIS_URL = portal_settings.CELERY_BROKER_URL = address
    portal_settings.CACHES["default"]["LOCATION"] = address


_own_redis_database()


def _look_at_static_files_once() -> None:
    """Every test client makes a handler of its own, and WhiteNoise then looks at each of the 700 collected files: 30 ms
    of every test. They stay what they are during a run."""
    usual = WhiteNoise.update_files_dictionary
    known: dict[tuple[object, ...], dict[str, object]] = {}

    def update(self: WhiteNoise, root: str, prefix: str) -> None:
        storage = portal_settings.STORAGES["staticfiles"]["BACKEND"]  # knows whose name holds a hash
        key = (type(self), self.max_age, storage, root, prefix)
        if key not in known:
            others, self.files = self.files, {}
            usual(self, root, prefix)
            self.files, known[key] = others, self.files
        self.files.update(known[key])

    WhiteNoise.update_files_dictionary = update


_look_at_static_files_once()

# The same examples in every run, as slow as the machine may be; `HYPOTHESIS_PROFILE=search` looks for new ones.
hypothesis.settings.register_profile("portal", derandomize=True, deadline=None, database=None, print_blob=True)
hypothesis.settings.register_profile("search", deadline=None, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "portal"))


#: Tests that share what takes long to set up: a whole run of the benchmarks, a browser, servers.
_TOGETHER = re.compile(
    r"tests/(bench)/test_(?:whole_run|imports|plans)\.py"
    r"|tests/(\S*_browser|members/test_passkeys|core/test_live_pages|core/test_service_failures)\.py"
)


class _Scheduling(LoadScopeScheduling):
    """Each test goes to the worker that is free, and those that share something to the same one."""

    def _split_scope(self, nodeid: str) -> str:
        found = _TOGETHER.match(nodeid)
        return found[1] or found[2] if found else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    config.option.loadscopereorder = False  # tests that empty the tables stay behind those that do not
    return _Scheduling(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test with the reference data uses the database, also when it says so by this fixture alone: whether a test
    database is made is decided by the marks."""
    for item in items:
        names = getattr(item, "fixturenames", ())
        if "reference_data" in names and "live_server" not in names and not item.get_closest_marker("django_db"):
            item.add_marker(pytest.mark.django_db)


def _has_test_database() -> bool:
    """Without any test that uses the database, none is made, and the connection is to the one of DATABASE_URL."""
    return connection.settings_dict["NAME"].startswith("test_")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """The test database holds the real reference data from the start; each test's own changes are rolled back."""
    if _has_test_database():
        from tests.events.documents_cases import followed

        with django_db_blocker.unblock():
            call_command("load_reference_data", verbosity=0)
            # The first test would find work for the follower of the log otherwise: other workers' transactions on the
            # same server hold back what it may read.
            followed()
            snapshot.take()
            snapshot.keep_plans()


@pytest.fixture(scope="session", autouse=True)
def _no_session_left(django_db_setup, django_db_blocker):
    """Threads of a live server may still hold connections when the test database is dropped: end them first."""
    yield
    if not _has_test_database():
        return
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture
def reference_data(request, django_db_setup, django_db_blocker):
    """The real data of `data/`, with its ready documents; a test's own changes are undone.

    Works with `db` and with `transactional_db`.
    """
    from kpis import aggregating
    from usecases.models import UseCase

    with django_db_blocker.unblock():
        # A test with real transactions empties the tables when it ends. Loaded before the transaction of this test
        # begins, the data is there for the following ones too.
        if not UseCase.objects.exists() and not snapshot.restore():
            call_command("load_reference_data", verbosity=0)
            aggregating.rebuild()  # other tests' transactions on the same server hold back what the log tells
    request.getfixturevalue("transactional_db" if "live_server" in request.fixturenames else "db")


@pytest.fixture(autouse=True)
def _own_language():
    """A page that one test asked for in Arabic leaves its language to nobody."""
    translation.deactivate()


@pytest.fixture(autouse=True)
def _quiet_cache(request):
    """No test sees what another one cached or looked up, or gets its sessions; throttles start at zero."""
    from kpis.insight import listed

    if "django_db_setup" in request.fixturenames or "client" in request.fixturenames:
        cache.clear()
        Names.forget()
        listed.forget()
    yield
    exporting.close_spare()  # a kept session would hold the test database


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The browser of the system. In CI a missing one is a failure; elsewhere the test is skipped and says so."""
    found = os.environ.get("PORTAL_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if found:
        return found
    if os.environ.get("CI"):
        pytest.fail("No Chromium: install the package chromium, or set PORTAL_CHROMIUM.")
    pytest.skip("No Chromium on this machine: browser tests need the package chromium.")


@pytest.fixture(scope="module")
def _chromium(chromium_path):
    """Started once for the browser tests of a file that follow each other."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with pytest.MonkeyPatch.context() as patch, sync_api.sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright's loop runs in this thread
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium_path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def browser(live_server, _chromium):
    """A real browser before the live server. Contexts share nothing; those that a test opened are closed at its end."""
    yield _chromium
    close_contexts(_chromium)
