from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class KpisConfig(AppConfig):
    name = "kpis"
    label = "kpis"
    verbose_name = _("Indicators and results")

    def ready(self) -> None:
        from alliance.core import metrics
        from alliance.events import operations
        from alliance.events import tasks as upkeep
        from kpis import (
            aggregating,
            kinds,  # noqa: F401  (registers the kinds of documents)
            tasks,
        )
        from kpis.aggregate_metrics import AggregatesCollector

        upkeep.WOKEN.append(tasks.follow_aggregates)
        for name, task, label in (
            (tasks.FOLLOW, tasks.follow_aggregates, _("Recomputing aggregates")),
            (tasks.EXAMINE, tasks.examine_aggregates, _("Check of all aggregates")),
            (tasks.REBUILD, tasks.rebuild_aggregates, _("Rebuild of all aggregates")),
        ):
            upkeep.STARTABLE[name] = task
            operations.TASKS[name] = label
        operations.READERS[aggregating.READER] = _("Aggregates of results")
        metrics.LOOKED_UP.append(AggregatesCollector())
