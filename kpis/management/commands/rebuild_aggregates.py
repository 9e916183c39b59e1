"""Compute every aggregate of results anew, or only look whether all are right."""

from alliance.events.management.rebuilding import RebuildCommand, Report
from alliance.events.upkeep import Progress
from kpis import tasks


class Command(RebuildCommand):
    help = "Compute every aggregate of results anew from the records; say what differed."
    counted = "indicators"

    def work(self, progress: Progress, *, check: bool) -> Report:
        return tasks.examine(progress) if check else tasks.rebuild(progress)
