"""What the evidence of a practice is made of: sums of the results of its use cases, everything by its public key."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple


class Measured(NamedTuple):
    """The public results of one use case by one indicator (`practices.part_models.Part`).

    Attributes:
        sums: weight, product and root of results with a reported variance, then of those with an imputed one.
        results, refused: how many have an effect, and have none.
        grades, best_grade: sum and largest of 1 to 4, how they were compared.
        digest: of the results.
    """

    use_case: str
    city: str
    region: str
    size: str
    kpi: str
    direction: str
    suppliers: tuple[str, ...]
    results: int
    refused: int
    sums: tuple[float, ...]
    least: float | None
    grades: int
    best_grade: int
    years: tuple[int, ...]
    reporters: Mapping[str, int]
    verified: int
    digest: str


@dataclass(slots=True)
class Inputs:
    """Everything that the evidence of one practice depends on, besides the rule and the year."""

    slug: str
    primary: str
    #: Of the primary indicator.
    direction: str
    harm: bool
    open_challenges: int = 0
    use_cases: list[str] = field(default_factory=list)
    cities: list[str] = field(default_factory=list)
    cost_known: bool = False
    #: By city, use case and indicator.
    measured: list[Measured] = field(default_factory=list)
    #: Indicators that are exactly the same, as far as they matter here: code -> the first of its family by code.
    same: dict[str, str] = field(default_factory=dict)

    def digest(self) -> str:
        """SHA-256 of the inputs, in hexadecimal digits."""
        told = [
            self.slug, self.primary, self.direction, self.harm, self.open_challenges, self.use_cases, self.cities,
            self.cost_known, sorted(self.same.items()),
            [(m.use_case, m.city, m.region, m.size, m.kpi, m.direction, m.suppliers, sorted(m.reporters), m.digest)
             for m in self.measured],
        ]  # fmt: skip
        return sha256(json.dumps(told).encode()).hexdigest()
