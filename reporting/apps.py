"""What members report, until it is evidence."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ReportingConfig(AppConfig):
    """Reports of use cases and results: written, checked, reviewed, and published as records of lower floors."""

    name = "reporting"
    verbose_name = _("reports")

    def ready(self) -> None:
        from reporting import telling  # noqa: F401  (registers what people are told)
        from reporting.sheets import importing  # noqa: F401  (registers the work of its jobs)
