"""Where one change stands among cities like mine: the most alike cities that measured the same indicator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from kpis.insight.distribution import Distribution, Group, distribution_of
from kpis.insight.grouping import Chosen
from kpis.insight.peers import Peer, Profile, peers
from kpis.models import Direction, Kpi
from usecases.models import City

#: Raised with every change of how the numbers come about.
RULE = "benchmark-2"
#: With fewer cities nothing is compared.
FEWEST_PEERS = 5
#: More are not like mine any more.
MOST_PEERS = 20
#: A city less than half alike is no peer.
LEAST_LIKENESS = 0.5


@dataclass(frozen=True)
class Benchmark:
    """The changes of the peers.

    Attributes:
        peers: the cities, the most alike first; all are at least half alike and have a known change.
        distribution: of their results alone; None below `FEWEST_PEERS` cities.
    """

    kpi: Kpi
    peers: Sequence[Peer]
    distribution: Distribution | None

    @property
    def group(self) -> Group | None:
        return self.distribution.whole if self.distribution else None

    def placed(self, change: Decimal) -> float:
        """A change as it was typed, as the distribution has it: better is positive."""
        return float(-change if self.kpi.direction == Direction.DECREASE else change)

    def place(self, change: Decimal) -> tuple[int, int, int]:
        """How many results of the peers lie below, at the same, and above, better being above; by a change as typed."""
        values = [one.value for one in self.group.points] if self.group else []
        own = self.placed(change)
        less, equal = sum(value < own for value in values), sum(value == own for value in values)
        return less, equal, len(values) - less - equal


def benchmark(kpi: Kpi, mine: Profile, weights: Mapping[str, int], *, city: City | None) -> Benchmark:
    """The most alike cities with a known change of an indicator, and what they measured. At most five queries.

    Args:
        city: the reader's own, which is not its own peer.
    Raises: ValueError when all weights are zero.
    """
    everybody = peers(mine, weights, besides=city, kpi=kpi)
    found = [peer for peer in everybody if peer.likeness >= LEAST_LIKENESS][:MOST_PEERS]
    if len(found) < FEWEST_PEERS:
        return Benchmark(kpi, found, None)
    chosen = Chosen(cities=[peer.city.pk for peer in found])
    return Benchmark(kpi, found, distribution_of(kpi, chosen=chosen, with_names=True))
