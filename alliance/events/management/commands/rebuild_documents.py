"""Make right whatever is wrong with the change log and the ready documents, or only look."""

from alliance.events import tasks
from alliance.events.management.rebuilding import RebuildCommand, Report
from alliance.events.upkeep import Progress


class Command(RebuildCommand):
    help = "Repair the triggers of the change log, its reader and every ready document; say what differed."
    counted = "documents"

    def work(self, progress: Progress, *, check: bool) -> Report:
        return tasks.examine(progress) if check else tasks.rebuild(progress)
