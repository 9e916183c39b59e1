from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MembersConfig(AppConfig):
    name = "alliance.members"
    label = "members"
    verbose_name = _("Members")

    def ready(self) -> None:
        from alliance.members import belonging, invitations, joining, kinds  # noqa: F401  (they register kinds of
        # documents and of notices, which the worker must know too)
