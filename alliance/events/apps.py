from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class EventsConfig(AppConfig):
    name = "alliance.events"
    label = "events"
    verbose_name = _("Change log")

    def ready(self) -> None:
        from alliance.core import metrics
        from alliance.events import history, log, storage
        from alliance.events.metrics import EventsCollector

        # Once for all apps: this one is migrated last of those that own public tables (see INSTALLED_APPS).
        post_migrate.connect(log.install_after_migrate, sender=self, dispatch_uid="events-install-triggers")
        post_migrate.connect(history.install_indexes, sender=self, dispatch_uid="events-install-indexes")
        post_migrate.connect(storage.keep_lists_in_rows, sender=self, dispatch_uid="events-keep-lists-in-rows")
        metrics.LOOKED_UP.append(EventsCollector())
