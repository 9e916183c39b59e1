"""What `/metrics` tells of the change log and the ready documents."""

import logging
from collections.abc import Iterable

from django.db import DatabaseError, InterfaceError
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from alliance.events import figures, runs, tasks
from alliance.events.models import RunState

log = logging.getLogger(__name__)


class EventsCollector(Collector):
    """As it is at the moment of asking; nothing while the database does not answer."""

    def collect(self) -> Iterable[Metric]:
        try:
            return [*self._log(), *self._documents(), *self._runs()]
        except (DatabaseError, InterfaceError) as error:
            log.warning("The figures of the change log are unknown: %s", str(error).strip())
            return []

    @staticmethod
    def _log() -> Iterable[Metric]:
        rows = GaugeMetricFamily("portal_log_lag_rows", "Settled entries not read yet.", labels=["reader"])
        seconds = GaugeMetricFamily("portal_log_lag_seconds", "Age of the oldest of them.", labels=["reader"])
        for reader in figures.readers():
            rows.add_metric([reader.name], reader.rows)
            seconds.add_metric([reader.name], reader.seconds)
        yield rows
        yield seconds
        yield GaugeMetricFamily(
            "portal_log_unsettled", "Entries that wait for the end of an older transaction.", value=figures.unsettled()
        )
        holder = figures.holder()
        yield GaugeMetricFamily(
            "portal_log_holder_age_seconds",
            "Age of the oldest transaction that writes on the database server.",
            value=holder.age.total_seconds() if holder else 0.0,
        )

    @staticmethod
    def _documents() -> Iterable[Metric]:
        stale = GaugeMetricFamily("portal_stale_documents", "Documents that are built live.", labels=["kind"])
        for kind in figures.staleness():
            stale.add_metric([kind.name], kind.documents - kind.ready)
        yield stale

    @staticmethod
    def _runs() -> Iterable[Metric]:
        failed = GaugeMetricFamily("portal_run_failed", "1: the last run of the task failed.", labels=["task"])
        for name in tasks.STARTABLE:
            last = runs.last_ended(name)
            failed.add_metric([name], float(last is not None and last.state == RunState.FAILED))
        yield failed
        check = runs.last_check()
        if check is not None and check.ended_at is not None:
            yield GaugeMetricFamily(
                "portal_documents_differing", "Found by the last check.", value=check.figures.get("differing", 0)
            )
            yield GaugeMetricFamily(
                "portal_log_faults", "Found by the last check.", value=check.figures.get("faults", 0)
            )
            yield GaugeMetricFamily(
                "portal_last_check_timestamp_seconds", "When it ended.", value=check.ended_at.timestamp()
            )
