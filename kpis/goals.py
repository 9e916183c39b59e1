"""What a city may want to change, and the indicators that tell whether it did."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Goal:
    """A way into the use cases for a reader who starts from a wish."""

    title: str | Promise
    #: Codes of the indicators that measure it.
    codes: tuple[str, ...]


#: These describe the setting of a use case rather than its merit (see `data/README.md`): never held up as an example.
SETTINGS: tuple[str, ...] = ("ALL-COV-FOOTFALL", "ALL-COV-R")

#: In the order of the home page.
GOALS: tuple[Goal, ...] = (
    Goal(_("Shorter trips and waits"), ("ALL-TRV-TIME", "ALL-TRV-WAIT", "ALL-TRV-SPEED", "ALL-PRK-SEARCH")),
    Goal(_("Less power for street lights"), ("ALL-LGT-ELEC", "ALL-LGT-COST", "ALL-LGT-CO2AVOID")),
    Goal(
        _("Fewer deaths and crashes on the road"),
        ("ALL-SAF-TRAFDEATH", "ALL-SAF-TRAFDEATHPOP", "ALL-SAF-TRAFDEATHRATE", "ALL-SAF-CRASH"),
    ),
    Goal(
        _("Less water lost or overflowing"),
        ("ALL-WAT-NRW", "ALL-WAT-CSO", "ALL-WAT-INPUT", "ALL-WAT-USE", "ALL-WAT-SAVED", "ALL-WAT-SAVEDCUM"),
    ),
    Goal(_("Fewer collection rounds for waste"), ("ALL-WST-TRIPS", "ALL-WST-COST", "ALL-WST-STAFF")),
    Goal(_("Faster help in an emergency"), ("ALL-EMG-RESP",)),
    Goal(_("Less energy in buildings"), ("ALL-BLD-ENERGY", "ALL-BLD-CO2")),
    Goal(
        _("Getting through a pandemic"),
        (
            "ALL-COV-TRACETIME",
            "ALL-COV-ADOPTION",
            "ALL-COV-APPS",
            "ALL-COV-DOSES",
            "ALL-COV-SAMPLES",
        ),
    ),
    Goal(_("Cleaner air"), ("ALL-ENV-NO2", "ALL-ENV-NONCOMP")),
)
