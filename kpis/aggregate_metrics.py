"""What `/metrics` tells of the aggregates; the lag of their reader stands beside that of the others."""

import logging
from collections.abc import Iterable

from django.db import DatabaseError, InterfaceError
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from alliance.events.models import Run, RunState
from kpis import tasks
from kpis.aggregate_models import UncountedInput

log = logging.getLogger(__name__)


class AggregatesCollector(Collector):
    """As it is at the moment of asking; nothing while the database does not answer."""

    def collect(self) -> Iterable[Metric]:
        try:
            return [*self._figures()]
        except (DatabaseError, InterfaceError) as error:
            log.warning("The figures of the aggregates are unknown: %s", str(error).strip())
            return []

    @staticmethod
    def _figures() -> Iterable[Metric]:
        yield GaugeMetricFamily(
            "portal_uncounted_inputs",
            "Inputs whose change is not in the aggregates yet.",
            value=UncountedInput.objects.count(),
        )
        check = Run.objects.filter(task__in=(tasks.EXAMINE, tasks.REBUILD), state=RunState.DONE).first()
        if check is not None:
            yield GaugeMetricFamily(
                "portal_aggregates_differing", "Found by the last check.", value=check.figures.get("differing", 0)
            )
