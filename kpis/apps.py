from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class KpisConfig(AppConfig):
    name = "kpis"
    label = "kpis"
    verbose_name = _("Indicators and results")

    def ready(self) -> None:
        from kpis import kinds  # noqa: F401  (registers the kinds of documents)
