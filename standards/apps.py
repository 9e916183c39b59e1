from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class StandardsConfig(AppConfig):
    name = "standards"
    label = "standards"
    verbose_name = _("Standards")

    def ready(self) -> None:
        from standards import kinds  # noqa: F401  (registers the kinds of documents)
