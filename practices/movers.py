"""Which practices change places when something is a fifth larger or smaller."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from practices.ranking import Candidate, default_lines, rank_weighted


def movers(candidates: Sequence[Candidate], weights: Mapping[str, float], year: int) -> set[str]:
    """Practices that have another place when one of the weights is a fifth larger or smaller."""
    usual = {row.slug: row.place for row in rank_weighted(candidates, weights, year)}
    moved: set[str] = set()
    for name, weight in weights.items():
        for factor in (0.8, 1.2):
            varied = rank_weighted(candidates, {**weights, name: weight * factor}, year)
            moved |= {row.slug for row in varied if row.place != usual[row.slug]}
    return moved


def default_movers(candidates: Sequence[Candidate], rule: Mapping[str, Any]) -> set[str]:
    """Practices that have another place when the lower end of one's own effect is a fifth larger or smaller."""
    rankable = [one for one in candidates if one.is_rankable]
    totals = {one.slug: sum(line.points for line in default_lines(one, rule)) for one in rankable}
    ascending, moved = sorted(totals.values()), set()
    for one in rankable:
        own = totals[one.slug]
        for factor in (0.8, 1.2):
            varied = replace(one, low=(one.low or 0.0) * factor)
            total = sum(line.points for line in default_lines(varied, rule))
            # Of the others, as many lie above as before.
            if bisect_right(ascending, total) + (own > total) != bisect_right(ascending, own):
                moved.add(one.slug)
    return moved
