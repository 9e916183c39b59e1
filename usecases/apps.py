from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class UseCasesConfig(AppConfig):
    name = "usecases"
    label = "usecases"
    verbose_name = _("Use cases")

    def ready(self) -> None:
        from usecases import kinds  # noqa: F401  (registers the kinds of documents)
