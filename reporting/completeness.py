"""How complete a report is, and what each further answer would make possible."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reporting.fields import FORMS, Field


@dataclass(frozen=True)
class Completeness:
    """A share of 0 to 100, and the fields that would add to it, the most useful first."""

    percent: int
    missing: list[Field]

    @property
    def unlocking(self) -> list[Field]:
        """Those of the missing ones that make something possible."""
        return [one for one in self.missing if one.unlocks]


def completeness(kind: str, values: Mapping[str, Any]) -> Completeness:
    """Weigh the fields that have a readable answer against all that matter.

    Args:
        values: of `Checked.values`: fields that are empty or cannot be read are not there.
    """
    weighed = [one for one in FORMS[kind].fields if one.weight]
    missing = [one for one in weighed if one.name not in values]
    total = sum(one.weight for one in weighed)
    done = total - sum(one.weight for one in missing)
    missing.sort(key=lambda one: (not one.required, -one.weight))
    return Completeness(done * 100 // total, missing)
