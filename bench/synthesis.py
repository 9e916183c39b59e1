"""The synthesis of many practices beside the same estimators vectorised in NumPy, over the same made-up results.

    python -m bench.synthesis [--practices 2000] [--results 100000 1000000] [--seed 1]

Both go from results' values to the mean of each practice: log ratio, imputed variance, one effect per use case, then
per city, then DerSimonian and Laird, Q, and REML by Fisher's scoring, with both intervals. The portal's functions work
on one practice at a time; NumPy on all at once. An update is the synthesis of the practices that 100 new results
belong to.
"""

import argparse
from collections import defaultdict
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from scipy import stats

from practices.rules import rule
from practices.synthesis import Effect, Pooled, effect_of, synthesise

CITIES, CASES_OF_A_CITY, NEW_RESULTS = 60, 2, 100
DESIGNS = ("control group", "interrupted time series", "before-after", "self-reported")
STEPS = 100


@dataclass(frozen=True)
class Results:
    """Made-up results, one array a column; `practice`, `city` and `case` are numbers from 0."""

    practice: np.ndarray
    city: np.ndarray
    case: np.ndarray
    baseline: np.ndarray
    after: np.ndarray
    design: np.ndarray


def make(practices: int, count: int, seed: int) -> Results:
    random = np.random.default_rng(seed)
    practice = np.sort(random.integers(0, practices, count))
    city = random.integers(0, CITIES, count)
    case = city * CASES_OF_A_CITY + random.integers(0, CASES_OF_A_CITY, count)
    baseline = random.lognormal(3, 1, count)
    true = random.normal(-0.2, 0.3, practices)[practice] + random.normal(0, 0.4, (practices, CITIES))[practice, city]
    after = baseline * np.exp(true + random.normal(0, 0.2, count))
    return Results(practice, city, case, baseline, after, random.integers(0, len(DESIGNS), count))


def by_the_portal(results: Results, only: np.ndarray | None = None) -> dict[int, tuple[float, float, float]]:
    """Practice -> mean, lower end of its interval, variance between cities; of all practices, or of those named."""
    a_rule = rule()
    places = np.arange(len(results.practice)) if only is None else places_of(results, only)
    columns = [
        column[places].tolist()
        for column in (
            results.practice,
            results.city,
            results.case,
            results.baseline,
            results.after,
            results.design,
        )
    ]
    effects: dict[int, list[Effect]] = defaultdict(list)
    for at, (practice, city, case, baseline, after, design) in enumerate(zip(*columns, strict=True)):
        effect = effect_of(
            baseline=baseline,
            after=after,
            change_percent=None,
            direction="decrease",
            imputation=a_rule.imputation,
            design=DESIGNS[design],
            result=at,
            use_case=case,
            city=city,
        )
        if isinstance(effect, Effect):
            effects[practice].append(effect)
    pooled = {practice: synthesise(found, correlation=a_rule.correlation) for practice, found in effects.items()}
    return {
        practice: (one.estimate, one.interval.low, one.tau_squared)
        for practice, one in pooled.items()
        if isinstance(one, Pooled)
    }


def places_of(results: Results, practices: np.ndarray) -> np.ndarray:
    """Rows of the practices, found in the sorted column, as an index finds them."""
    starts, ends = (np.searchsorted(results.practice, practices, side) for side in ("left", "right"))
    return np.concatenate([np.arange(start, end) for start, end in zip(starts, ends, strict=True)])


def by_numpy(results: Results, practices: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same of all practices: mean, lower end, variance between cities; NaN below three cities."""
    a_rule = rule()
    error = np.array([a_rule.imputation.variance(design, "") for design in DESIGNS])
    y, v = np.log(results.baseline) - np.log(results.after), error[results.design]
    cases = CITIES * CASES_OF_A_CITY
    y, v, group = _merged(y, v, results.practice * cases + results.case, practices * cases, a_rule.correlation)
    y, v, group = _merged(y, v, group // CASES_OF_A_CITY, practices * CITIES, a_rule.correlation)
    practice = group // CITIES
    starts = np.searchsorted(practice, np.arange(practices))
    k = np.diff(np.append(starts, len(practice)))

    def sums(values: np.ndarray) -> np.ndarray:
        return np.bincount(practice, values, practices)

    with np.errstate(divide="ignore", invalid="ignore"):
        w = 1 / v
        total, q = sums(w), None
        mean = sums(w * y) / total
        q = sums(w * (y - mean[practice]) ** 2)
        tau = np.maximum(0, (q - (k - 1)) / (total - sums(w * w) / total))
        slowed, before = np.ones(practices), np.zeros(practices)
        for _ in range(STEPS):
            w = 1 / (v + tau[practice])
            total = sums(w)
            mean = sums(w * y) / total
            squares, cubes = sums(w**2), sums(w**3)
            score = sums((w * (y - mean[practice])) ** 2) - total + squares / total
            step = score / (squares - 2 * cubes / total + (squares / total) ** 2)
            slowed = np.where(step * before < 0, slowed / 2, slowed)
            before = step
            moved = np.maximum(0, tau + slowed * step)
            done = np.nanmax(np.abs(moved - tau) / (moved + 1 / total)) < 1e-12
            tau = moved
            if done:
                break
        w = 1 / (v + tau[practice])
        total = sums(w)
        mean = sums(w * y) / total
        spread = sums(w * (y - mean[practice]) ** 2)
        error = np.sqrt(np.maximum(1 / total, spread / ((k - 1) * total)))
        low = mean - stats.t.ppf(0.975, k - 1) * error
    few = k < 3
    return np.where(few, np.nan, mean), np.where(few, np.nan, low), np.where(few, np.nan, tau)


def _merged(y, v, group, groups, correlation):
    """One effect a group, as `practices.effects.combine_dependent` has it; the groups that have one."""
    w = 1 / v
    total = np.bincount(group, w, groups)
    there = np.flatnonzero(total)
    total = total[there]
    mean = np.bincount(group, w * y, groups)[there] / total
    together = np.bincount(group, np.sqrt(w), groups)[there] / total
    return mean, (1 - correlation) / total + correlation * together**2, there


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.synthesis", description=__doc__.splitlines()[0])
    parser.add_argument("--practices", type=int, default=2_000)
    parser.add_argument("--results", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for count in options.results:
        results = make(options.practices, count, options.seed)
        began = perf_counter()
        portal = by_the_portal(results)
        full = perf_counter() - began
        began = perf_counter()
        arrays = by_numpy(results, options.practices)
        vectorised = perf_counter() - began
        touched = np.unique(np.random.default_rng(options.seed).integers(0, options.practices, NEW_RESULTS))
        began = perf_counter()
        by_the_portal(results, touched)
        update = perf_counter() - began
        apart = max(
            abs(value - column[practice])
            for practice, told in portal.items()
            for value, column in zip(told, arrays, strict=True)
        )
        print(
            f"{count:>9,} results, {len(portal):,} means: portal {full:.2f} s, NumPy {vectorised:.2f} s"
            f" ({full / vectorised:.1f} times), {len(touched)} practices anew {update * 1000:.0f} ms,"
            f" largest difference {apart:.0e}"
        )


if __name__ == "__main__":
    main()
