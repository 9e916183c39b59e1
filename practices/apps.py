from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PracticesConfig(AppConfig):
    name = "practices"
    label = "practices"
    verbose_name = _("Practices")

    def ready(self) -> None:
        from alliance.events.operations import TASKS
        from alliance.events.tasks import STARTABLE
        from kpis.reference.load import FURTHER, Further
        from practices import reference, tasks, upkeep

        STARTABLE[tasks.SEARCH] = tasks.search_practices
        TASKS[tasks.EXAMINE] = _("Check of all practices")
        TASKS[tasks.SEARCH] = _("Search for emerging practices")

        FURTHER["practices"] = Further(reference.read, reference.store, upkeep.follow)
