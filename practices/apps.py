from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PracticesConfig(AppConfig):
    name = "practices"
    label = "practices"
    verbose_name = _("Practices")

    def ready(self) -> None:
        from kpis.reference.load import FURTHER, Further
        from practices import reference, upkeep

        FURTHER["practices"] = Further(reference.read, reference.store, upkeep.follow)
