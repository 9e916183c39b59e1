"""The connection: Django's own, and three session settings that follow the running request."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.conf import settings
from django.db.backends.postgresql import base
from django.db.utils import Error, InterfaceError, OperationalError

from alliance.core import request_id
from alliance.core.postgresql import asked_statement_timeout

#: Each takes some 100 KB of the session's memory.
MOST_PREPARED = 30


class SessionSettings(NamedTuple):
    """What the database session is told about the work that it does."""

    application_name: str
    statement_timeout_ms: int
    #: Who writes: the change log's triggers read it as `portal.actor`.
    actor: str


def wanted_settings() -> SessionSettings:
    """The settings for the code that runs now: pages are limited, commands and tasks are not unless told so."""
    origin = request_id.current()
    timeout_ms = asked_statement_timeout()
    if timeout_ms is None:
        timeout_ms = settings.STATEMENT_TIMEOUT_MS if origin.is_web else settings.BACKGROUND_STATEMENT_TIMEOUT_MS
    return SessionSettings(f"portal {origin.request_id}".strip(), timeout_ms, origin.actor[:100])


class DatabaseWrapper(base.DatabaseWrapper):
    """Names its session after the running request, and limits its statements.

    The settings travel in one statement, and that statement replaces the `SELECT 1` by which Django finds out
    whether a kept connection still lives: a request pays no round trip for them, and one that does not use the
    database pays nothing.
    """

    _session_settings: SessionSettings | None = None
    #: Queries that this session has prepared: SQL -> name.
    _prepared: dict[str, str]
    #: The same for queries of many shapes, the last asked last.
    _prepared_of_many: dict[str, str]
    _prepared_so_far = 0

    def init_connection_state(self) -> None:
        super().init_connection_state()
        self._session_settings, self._prepared, self._prepared_of_many = None, {}, {}
        with self.connection.cursor() as cursor:
            # The portal's statements are short: compiling one takes longer than running it.
            cursor.execute("SET jit = off")
        self._tell_session(wanted_settings())

    def is_usable(self) -> bool:
        if self.connection is None:
            return False
        try:
            self._tell_session(wanted_settings())
        except Error:
            return False
        return True

    def close_if_health_check_failed(self) -> None:
        super().close_if_health_check_failed()
        if (
            self.connection is not None
            and self.connection.closed == 0
            # Inside a transaction a rollback would take the settings back, unseen; and a connection that is being
            # made has no autocommit yet, whatever Django remembers of the one before.
            and self.connection.autocommit
            and not self.in_atomic_block
            and self._session_settings != (wanted := wanted_settings())
        ):
            with self.wrap_database_errors:
                self._tell_session(wanted)

    def _tell_session(self, wanted: SessionSettings) -> None:
        with self.wrap_database_errors, self.connection.cursor() as cursor:
            cursor.execute(f"SELECT {_SET}", _given(wanted))
        self._session_settings = wanted

    def ask_first(self, sql: str) -> Any:
        """The one value of a query that a request asks before all others: the settings travel with it.

        A kept connection prepares it once. One that has died is noticed by this query, which is then asked anew on a
        fresh one.

        Args:
            sql: always the same few, without parameters; it may run twice.
        """
        if self._health_check_is_due():
            wanted = wanted_settings()
            self.health_check_done, self._session_settings = True, wanted
            try:
                with self._plain_cursor() as cursor:
                    cursor.execute(f"EXECUTE {self._prepared_with_settings(sql)} (%s, %s, %s)", _given(wanted))
                    return cursor.fetchone()[0]
            except (OperationalError, InterfaceError):
                self._session_settings = None
                self.close()
        with self.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0]

    def _prepared_with_settings(self, sql: str) -> str:
        """The name of a prepared query: its parameters are the session's settings, its first column is the value."""
        settings_set = _SET % ("$1", "$2", "$3")
        asked = f"SELECT answer.*, concat({settings_set}) FROM ({sql}) AS answer"  # noqa: S608
        return self.prepared(asked, "text, text, text")

    def prepared(self, sql: str, types: str) -> str:
        """The name under which this session has a query prepared: it is parsed once, and planned a few times.

        Args:
            sql: one of a few that are always the same, with `$1` and so on; `types`: of these parameters.
        """
        name = self._prepared.get(sql)
        if name is None:
            name = f"portal_{len(self._prepared)}"
            with self.wrap_database_errors, self.connection.cursor() as cursor:
                cursor.execute(f"PREPARE {name} ({types}) AS {sql}")
            self._prepared[sql] = name
        return name

    def prepared_of_many(self, sql: str, number: int) -> str:
        """The same for one of many queries, of which the session keeps those that were asked last.

        Args:
            sql: with `%s` for each of `number` parameters, whose types PostgreSQL tells from where they stand.
        """
        name = self._prepared_of_many.pop(sql, None)
        if name is None:
            self._prepared_so_far += 1
            name = f"portal_many_{self._prepared_so_far}"
            places = tuple(f"${place}" for place in range(1, number + 1))
            with self.wrap_database_errors, self.connection.cursor() as cursor:
                cursor.execute(f"PREPARE {name} AS {sql % places}")
                if len(self._prepared_of_many) >= MOST_PREPARED:
                    cursor.execute(f"DEALLOCATE {self._prepared_of_many.pop(next(iter(self._prepared_of_many)))}")
        self._prepared_of_many[sql] = name
        return name

    @property
    def is_listened_to(self) -> bool:
        """Whether somebody wants to know what is asked, in words that say it."""
        return bool(self.execute_wrappers or self.queries_logged)

    @contextmanager
    def _plain_cursor(self) -> Iterator[Any]:
        """A cursor without Django's own around it, as long as nobody listens to what is asked."""
        if self.is_listened_to:
            with self.cursor() as cursor:
                yield cursor
        else:
            with self.wrap_database_errors, self.connection.cursor() as cursor:
                yield cursor

    def _health_check_is_due(self) -> bool:
        return (
            self.connection is not None
            and self.health_check_enabled  # type: ignore[attr-defined]
            and not self.health_check_done
            and not self.in_atomic_block
            and self.connection.autocommit
        )


_SET = (
    "set_config('application_name', %s, false), set_config('statement_timeout', %s, false), "
    "set_config('portal.actor', %s, false)"
)


def _given(wanted: SessionSettings) -> list[str]:
    return [wanted.application_name, str(wanted.statement_timeout_ms), wanted.actor]
