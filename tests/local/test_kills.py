"""Worker, Valkey and PostgreSQL are killed while a change spreads to many documents: nothing is lost or done twice."""

import os
import signal
import urllib.error
import urllib.request
from contextlib import closing, contextmanager

import psycopg2
import pytest

from alliance.local import interruption, postgres
from alliance.local.processes import recorded
from alliance.local.supervisor import ask

from .running import PATIENCE_SECONDS, Terminal, query, run, status

pytestmark = pytest.mark.services

MOST_USED = """
SELECT s.slug FROM standards_standard s JOIN usecases_standarduse u ON u.standard_id = s.id
GROUP BY s.slug ORDER BY count(DISTINCT u.use_case_id) DESC, s.slug LIMIT 1
"""
IS_DONE = """
SELECT NOT EXISTS (SELECT FROM events_staledocument) AND NOT EXISTS (
  SELECT FROM events_change e, events_cursor c WHERE (e.transaction, e.position) > (c.transaction, c.position))
"""
WAITS_FOR_LOCK = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0)"
TITLED = """
SELECT count(*) FILTER (WHERE body LIKE '%Named while postgres dies%'),
  count(*) FILTER (WHERE body LIKE '%Named while%') FROM usecases_usecasedocument
"""
USES = """
SELECT count(DISTINCT use_case_id) FROM usecases_standarduse u JOIN standards_standard s ON s.id = u.standard_id
WHERE s.slug = '{slug}'
"""


class Change:
    """A standard gets another title, which all use cases show that name it."""

    def __init__(self, checkout, found, slug, title):
        self.checkout, self.found, self.slug, self.title = checkout, found, slug, title
        self.port = int(found["address"].rsplit(":", 1)[1])
        self.refused = 0

    @contextmanager
    def held_in_the_middle(self):
        """Made, and the worker held by a lock where it would store the use cases, until the block ends."""
        password, port = self.checkout.secret("POSTGRES_PASSWORD"), self.found["services"]["postgres"]["port"]
        with closing(psycopg2.connect(postgres.address(password, port))) as holder, holder.cursor() as cursor:
            cursor.execute("LOCK TABLE usecases_usecasedocument IN SHARE MODE")  # all may read, nobody store
            titled = f"UPDATE standards_standard SET title = '{self.title}', version = version + 1"
            self.query(f"{titled} WHERE slug = '{self.slug}'")
            self.wake_worker()
            assert interruption.until(lambda: self.asks(WAITS_FOR_LOCK), seconds=PATIENCE_SECONDS)
            yield

    def wake_worker(self):
        """By a request that may have written."""
        request = urllib.request.Request(f"{self.found['address']}/api/v1/", method="POST")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=20)
        refused.value.close()

    def query(self, sql):
        return query(self.checkout, self.found, sql)

    def asks(self, sql):
        """The truth of a query; false while PostgreSQL is away."""
        try:
            return self.query(sql)[0][0]
        except psycopg2.OperationalError:
            return False

    def is_told(self):
        """Whether the next answer tells of it. A refused answer is counted; another one must."""
        code, answer = ask(self.port, f"/api/v1/use-cases/?standard={self.slug}&page_size=5", seconds=20)
        if code != 200:
            self.refused += 1
            return False
        named = [[one["title"] for one in case["standards"] if one["slug"] == self.slug] for case in answer["results"]]
        assert named == [[self.title]] * len(named) != []
        return True

    def is_done(self):
        self.is_told()
        return self.asks(IS_DONE)

    def is_ready(self):
        return ask(self.port, "/readyz")[0] == 200


def test_nothing_is_lost_and_nothing_done_twice_whatever_is_killed(portal):
    terminal = Terminal(portal)
    try:
        terminal.wait_for("Stop with Ctrl-C.")
        found = status(portal)
        slug = query(portal, found, MOST_USED)[0][0]
        for name in ("worker", "valkey", "postgres"):
            change, killed = Change(portal, found, slug, f"Named while {name} dies"), pid(portal, name)
            with change.held_in_the_middle():
                assert change.is_told(), "at once, before any use case was made anew"
                os.kill(killed, signal.SIGKILL)
            assert interruption.until(change.is_done, seconds=PATIENCE_SECONDS), terminal.read()
            assert change.is_told()
            assert change.refused == 0 or name != "worker", "readers need no worker"
            assert interruption.until(change.is_ready, seconds=PATIENCE_SECONDS)
            assert pid(portal, name) != killed

        (uses,) = change.query(USES.format(slug=slug))[0]
        assert change.query(TITLED) == [(uses, uses)]
        read = "SELECT bool_and(rows = (SELECT count(*) FROM events_change)) FROM events_cursor"
        assert change.asks(read), "each read once, by each reader"
        checked = run(portal, "manage", "rebuild_documents", "--check")
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert "none differed" in checked.stdout
        checked = run(portal, "manage", "rebuild_aggregates", "--check")
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert "none differed" in checked.stdout
    finally:
        terminal.close()


def pid(checkout, name):
    process = recorded(checkout.run / f"{name}.json")
    return process and process.pid
