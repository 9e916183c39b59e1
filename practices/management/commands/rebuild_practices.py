"""Compute the evidence of every practice anew, or only look whether all is right."""

from alliance.events.management.rebuilding import RebuildCommand, Report
from alliance.events.upkeep import Progress
from practices import tasks


class Command(RebuildCommand):
    help = "Compute evidence and ranking of all practices anew; say what differed."
    counted = "practices"

    def work(self, progress: Progress, *, check: bool) -> Report:
        return tasks.examine(progress, check=check)
