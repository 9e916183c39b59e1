"""Evidence of many practices: what the portal computes, beside the same estimators vectorised in NumPy.

    python -m bench.synthesis [--practices 2000] [--results 100000 1000000] [--rounds 3] [--seed 1]

Both begin with the same arrays of results, one entry a result. A full run goes from there to the order of practices:
log ratios, imputed variances, one effect per use case, then per city; DerSimonian and Laird, Paule and Mandel, REML,
each with its interval; prediction, Q, I²; the mean without each city; smaller and larger imputed errors; what results
usually show; the order, and simulated effects that tell practices apart. The portal also makes groups of cities, grades
and the bodies that it keeps, which NumPy is not asked for.

An update is what 100 new results ask for: the sums of their use cases anew, the evidence of their practices out of
sums, and the order of all. Practices, cities and use cases are the same with more results as with fewer.
"""

import argparse
import gc
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from time import process_time
from typing import Any

import numpy as np

from alliance.core.evidence import GRADE_OF_METHOD
from bench import synthesis_numpy as reference
from practices.effect_arrays import Columns, Effects, effects_of, sums_of
from practices.judging import candidate_of, judge
from practices.measured import Inputs, Measured
from practices.ranking import Candidate, Ranked, rank
from practices.rules import rule

CITIES, CASES_OF_A_CITY, KPIS, NEW = 40, 2, 250, 100
CASES = CITIES * CASES_OF_A_CITY
DESIGNS = ("control group", "interrupted time series", "before-after", "self-reported")
GRADES = tuple(int(GRADE_OF_METHOD[design]) for design in DESIGNS)
AT_ONCE = 200
YEAR = 2026


@dataclass(frozen=True)
class Results:
    """Made-up results by practice, use case, and number; one array a column. All numbers are from 0.

    Attributes:
        case: of all use cases, those of a practice and of a city one behind the other.
    """

    practices: int
    case: np.ndarray
    baseline: np.ndarray
    after: np.ndarray
    design: np.ndarray

    @property
    def practice(self) -> np.ndarray:
        return self.case // CASES

    def some(self, places: np.ndarray) -> "Results":
        columns = (self.case, self.baseline, self.after, self.design)
        return Results(self.practices, *(column[places] for column in columns))


def make(practices: int, count: int, seed: int) -> Results:
    """Every practice has as many results, one after the other in each of its cities, then in its second use case."""
    random = np.random.default_rng(seed)
    turn = np.arange(count) // practices
    within = turn % CITIES * CASES_OF_A_CITY + turn // CITIES % CASES_OF_A_CITY
    case = np.sort(np.arange(count) % practices * CASES + within)
    practice, city = case // CASES, case % CASES // CASES_OF_A_CITY
    baseline = random.lognormal(3, 1, count)
    true = random.normal(-0.2, 0.3, practices)[practice] + random.normal(0, 0.4, (practices, CITIES))[practice, city]
    after = baseline * np.exp(true + random.normal(0, 0.2, count))
    return Results(practices, case, baseline, after, random.integers(0, len(DESIGNS), count))


# --- the portal ------------------------------------------------------------------------------------------------------
@dataclass
class Kept:
    """What the portal keeps between changes, for it the tables of its database.

    Attributes:
        sums, others: a row a use case; of the others results, smallest effect, sum and largest of the grades.
        sizes: indicator -> sizes of effects. usual: indicator -> their median.
        candidates: of each practice. bodies: of each, where they are looked at afterwards; the portal writes them away.
    """

    sums: np.ndarray
    others: np.ndarray
    sizes: dict[int, np.ndarray] = field(default_factory=dict)
    usual: dict[int, float] = field(default_factory=dict)
    candidates: dict[int, dict[str, Any]] = field(default_factory=dict)
    order: list[Ranked] = field(default_factory=list)
    bodies: dict[int, dict[str, Any]] = field(default_factory=dict)
    keeps_bodies: bool = False


def effects(results: Results) -> Effects:
    there, none = np.ones(len(results.case), bool), np.full(len(results.case), np.nan)
    imputed = np.array([rule().imputation.variance(design, "") for design in DESIGNS])
    columns = Columns(
        baseline=results.baseline,
        has_baseline=there,
        after=results.after,
        has_after=there,
        change=none,
        has_change=~there,
        sign=np.full(len(none), -1),
        spread=none,
        spread_kind=np.zeros(len(none), int),
        n=none,
        imputed_variance=imputed[results.design],
    )
    return effects_of(columns)


def measure(kept: Kept, results: Results, found: Effects) -> None:
    """The sums of all use cases of these results."""
    cases, group, count = np.unique(results.case, return_inverse=True, return_counts=True)
    grades = np.array(GRADES)[results.design]
    begin = np.concatenate([[0], np.cumsum(count)[:-1]])
    kept.sums[cases] = sums_of(found, group, len(cases))
    kept.others[cases, 0] = count
    kept.others[cases, 1] = np.minimum.reduceat(found.estimate, begin)
    kept.others[cases, 2] = np.add.reduceat(grades, begin)
    kept.others[cases, 3] = np.maximum.reduceat(grades, begin)


def judged(kept: Kept, practices: list[int]) -> None:
    """The evidence of these practices out of sums."""
    for at in range(0, len(practices), AT_ONCE):
        some = practices[at : at + AT_ONCE]
        inputs = [
            Inputs(f"practice-{practice:05}", "KPI", "decrease", harm=False, measured=read(kept, practice))
            for practice in some
        ]
        for practice, body in zip(some, judge(inputs, rule(), YEAR), strict=True):
            kept.candidates[practice] = candidate_of(body)
            if kept.keeps_bodies:
                kept.bodies[practice] = body


def read(kept: Kept, practice: int) -> list[Measured]:
    """The sums of a practice's use cases, with names put to them."""
    rows = slice(practice * CASES, (practice + 1) * CASES)
    measured = []
    for case, (sums, others) in enumerate(zip(kept.sums[rows].tolist(), kept.others[rows].tolist(), strict=True)):
        city, results = case // CASES_OF_A_CITY, int(others[0])
        if results:
            graded = (others[1], int(others[2]), int(others[3]))
            place = (f"case-{case}", f"city-{city:02}", f"region-{city % 5}", f"size-{city % 7}")
            measured.append(
                Measured(*place, "KPI", "decrease", (), results, 0, tuple(sums), *graded, (2020,) * results, {}, 0, "")
            )
    return measured


def ordered(kept: Kept) -> None:
    candidates = [
        Candidate(slug=f"practice-{practice:05}", usual=max(0.05, kept.usual[practice % KPIS]), **told)
        for practice, told in sorted(kept.candidates.items())
    ]
    kept.order = rank(candidates, rule().sections["ranking"])


def full(results: Results, *, keeps_bodies: bool = False) -> Kept:
    cases = results.practices * CASES
    kept = Kept(np.zeros((cases, 6)), np.zeros((cases, 4)), keeps_bodies=keeps_bodies)
    found = effects(results)
    measure(kept, results, found)
    kpi = results.practice % KPIS
    by_kpi = np.argsort(kpi, kind="stable")
    ends = np.searchsorted(kpi[by_kpi], np.arange(1, KPIS))
    kept.sizes = dict(enumerate(np.split(np.abs(found.estimate)[by_kpi], ends)))
    kept.usual = {one: float(np.median(sizes)) for one, sizes in kept.sizes.items() if len(sizes)}
    judged(kept, np.unique(results.practice).tolist())
    ordered(kept)
    return kept


def update(kept: Kept, results: Results, new: Results) -> None:
    """Args: results: all before, by use case, as an index finds those of one."""
    cases = np.unique(new.case)
    places = [np.arange(*np.searchsorted(results.case, [case, case + 1])) for case in cases.tolist()]
    there = results.some(np.concatenate(places))
    columns = (np.concatenate([getattr(one, name) for one in (there, new)]) for name in reference.COLUMNS)
    touched = Results(results.practices, *columns)
    touched = touched.some(np.argsort(touched.case, kind="stable"))
    measure(kept, touched, effects(touched))
    for kpi, size in zip((new.practice % KPIS).tolist(), np.abs(effects(new).estimate).tolist(), strict=True):
        kept.sizes[kpi] = np.append(kept.sizes[kpi], size)
    for kpi in set((new.practice % KPIS).tolist()):
        kept.usual[kpi] = float(np.median(kept.sizes[kpi]))
    judged(kept, np.unique(new.practice).tolist())
    ordered(kept)


# --- beside NumPy ----------------------------------------------------------------------------------------------------
def largest_difference(kept: Kept, found: reference.Found) -> float:
    """Between what both say of means, intervals and what they rest on."""
    apart = 0.0
    for practice, body in kept.bodies.items():
        family = body["families"][0]
        pooled = family["pooled"]
        if pooled is None:
            continue
        pairs = [
            (pooled["estimate"], found.reml.mean[practice]),
            (pooled["low"], found.reml.low[practice]),
            (pooled["tau_squared"], found.reml.tau_squared[practice]),
            (pooled["q"], found.q[practice]),
            (pooled["i_squared"], found.i_squared[practice]),
            (family["methods"]["DL"]["low"], found.dl.low[practice]),
            (family["methods"]["PM"]["low"], found.pm.low[practice]),
            (family["varied"][0]["low"], found.half.low[practice]),
            (family["varied"][2]["high"], found.double.high[practice]),
        ]
        pairs += [
            (low, found.without_low[practice, int(city["city"][5:])])
            for city, low in zip(family["cities"], family["without"]["low"], strict=True)
        ]
        apart = max(apart, *(abs(one - float(other)) / (1 + abs(one)) for one, other in pairs))
    return apart


@dataclass(frozen=True)
class Timed:
    """Seconds of the processor, medians of the rounds."""

    count: int
    means: int
    portal: float
    numpy: float
    update: float
    apart: float


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    gc.collect()
    begun = process_time()
    found = work()
    return process_time() - begun, found


def measured(practices: int, count: int, seed: int, rounds: int) -> Timed:
    results = make(practices, count, seed)
    portal, vectorised, updates = [], [], []
    for number in range(rounds):
        seconds, kept = timed(lambda: full(results))
        portal.append(seconds)
        seconds, found = timed(lambda: reference.full(results, CITIES, CASES_OF_A_CITY, KPIS, seed))
        vectorised.append(seconds)
        new = make(practices, NEW, seed + 1 + number)
        new = new.some(np.arange(NEW))
        cases = np.sort(np.random.default_rng(seed + number).integers(0, practices * CASES, NEW))
        new = Results(practices, cases, new.baseline, new.after, new.design)
        updates.append(timed(partial(update, kept, results, new))[0])
    kept = full(results, keeps_bodies=True)
    means = sum(body["families"][0]["pooled"] is not None for body in kept.bodies.values())
    apart = largest_difference(kept, found)
    return Timed(count, means, median(portal), median(vectorised), median(updates), apart)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.synthesis", description=__doc__.splitlines()[0])
    parser.add_argument("--practices", type=int, default=2_000)
    parser.add_argument("--results", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for count in options.results:
        one = measured(options.practices, count, options.seed, options.rounds)
        print(
            f"{one.count:>9,} results, {one.means:,} means: portal {one.portal:.2f} s, NumPy {one.numpy:.2f} s"
            f" ({one.portal / one.numpy:.2f} times), update {one.update * 1000:.0f} ms,"
            f" largest difference {one.apart:.0e}"
        )


if __name__ == "__main__":
    main()
