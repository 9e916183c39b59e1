"""Statistics of a handful to some thousands of values: location, spread, and how sure they are.

Pure functions. The database computes the same for all cells at once (`kpis/aggregate_sql.py`); the tests hold both
against each other and against NumPy and SciPy, to 1e-9.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, fsum, sqrt
from threading import Lock

from alliance.core.quantiles import CONFIDENCE, t_quantile_975


@dataclass(frozen=True)
class MedianInterval:
    """Two order statistics between which the median of the population lies with at least 95 % confidence.

    Attributes:
        low, high: observed values, in the unit of the values.
        coverage: the confidence that is reached exactly, 0.95 to 1.
    """

    low: float
    high: float
    coverage: float


@dataclass(frozen=True)
class MeanInterval:
    """The 95 % interval of the mean by Student's t, in the unit of the values."""

    low: float
    high: float


@dataclass(frozen=True)
class Summary:
    """What is said of n values. All but counts and shares are in the unit of the values; None without any value.

    Attributes:
        median_interval: None below 6 values, of which no two reach 95 %.
        mean_interval: None below 2 values.
        improved, unchanged, worsened: values above, at and below zero.
    """

    n: int
    mean: float | None
    median: float | None
    lower_quartile: float | None
    upper_quartile: float | None
    minimum: float | None
    maximum: float | None
    median_interval: MedianInterval | None
    mean_interval: MeanInterval | None
    improved: int
    unchanged: int
    worsened: int

    @property
    def improved_share(self) -> float | None:
        """Of the values, 0 to 1; None without any value."""
        return self.improved / self.n if self.n else None

    @property
    def unchanged_share(self) -> float | None:
        """Of the values, 0 to 1; None without any value."""
        return self.unchanged / self.n if self.n else None

    @property
    def worsened_share(self) -> float | None:
        """Of the values, 0 to 1; None without any value."""
        return self.worsened / self.n if self.n else None


def summarise(values: Sequence[float]) -> Summary:
    """Every statistic of the values; their order does not matter.

    Raises: ValueError for a value that is infinite or no number.
    """
    ordered = sorted(map(float, values))
    if any(value - value != 0 for value in ordered):
        raise ValueError("Only finite values can be summarised.")
    n = len(ordered)
    mean = fsum(ordered) / n if n else None
    return Summary(
        n=n,
        mean=mean,
        median=quantile(ordered, 0.5),
        lower_quartile=quantile(ordered, 0.25),
        upper_quartile=quantile(ordered, 0.75),
        minimum=ordered[0] if n else None,
        maximum=ordered[-1] if n else None,
        median_interval=_median_interval(ordered),
        mean_interval=_mean_interval(ordered, mean),
        improved=sum(value > 0 for value in ordered),
        unchanged=sum(value == 0 for value in ordered),
        worsened=sum(value < 0 for value in ordered),
    )


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The value below which a share (0 to 1) of ascending values lies; None without any value.

    Source: type 7 of Hyndman and Fan, "Sample quantiles in statistical packages", The American Statistician 50 (1996),
    361-365: linear between the values at rank 1 + (n - 1) share. PostgreSQL's `percentile_cont` is the same.
    """
    if not ordered:
        return None
    place = (len(ordered) - 1) * share
    below, above = ordered[floor(place)], ordered[ceil(place)]
    return below + (place - floor(place)) * (above - below)


# --- the interval of the median --------------------------------------------------------------------------------------
@dataclass(frozen=True)
class MedianRanks:
    """Of n ascending values, those of rank `low` and `high` (from 1) enclose the median with confidence `coverage`.

    Below 6 values `low` is 0: none do with 95 %.
    """

    low: int
    high: int
    coverage: float


class _RankTable:
    """The ranks for 1, 2, 3 ... values, found one after the other and kept.

    F(n, k), the chance of at most k heads in n tosses, follows from one toss less: F(n + 1, k) = F(n, k) - f(n, k) / 2
    with f the chance of exactly k.
    """

    def __init__(self) -> None:
        self._ranks = [MedianRanks(0, 1, 0.0)]
        self._k, self._tail, self._exact = 0, 1.0, 1.0
        self._lock = Lock()

    def get(self, n: int) -> MedianRanks:
        with self._lock:
            while len(self._ranks) <= n:
                self._add()
            return self._ranks[n]

    def _add(self) -> None:
        n = len(self._ranks)  # from n - 1 tosses to n
        self._tail -= self._exact / 2
        self._exact *= n / (n - self._k) / 2
        following = self._exact * (n - self._k) / (self._k + 1)
        if self._tail + following <= (1 - CONFIDENCE) / 2:
            self._k += 1
            self._exact = following
            self._tail += following
        enough = self._tail <= (1 - CONFIDENCE) / 2
        low = self._k + 1 if enough else 0
        self._ranks.append(MedianRanks(low, n + 1 - low, 1 - 2 * self._tail if enough else 0.0))


_table = _RankTable()


def median_ranks(n: int) -> MedianRanks:
    """The innermost symmetric pair of ranks whose values enclose the median with at least 95 % confidence.

    Whatever the distribution, the number of values below its median is binomial (n, 1/2): ranks l and n + 1 - l miss it
    with a chance of 2 P(B <= l - 1). With ties the confidence is higher still.
    Source: David and Nagaraja, Order Statistics, 3rd edition (2003), section 7.1.
    """
    return _table.get(n)


def _median_interval(ordered: Sequence[float]) -> MedianInterval | None:
    ranks = median_ranks(len(ordered))
    if not ranks.low:
        return None
    return MedianInterval(ordered[ranks.low - 1], ordered[ranks.high - 1], ranks.coverage)


# --- the interval of the mean ----------------------------------------------------------------------------------------
def _mean_interval(values: Sequence[float], mean: float | None) -> MeanInterval | None:
    n = len(values)
    if mean is None or n < 2:
        return None
    deviation = sqrt(fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = t_quantile_975(n - 1) * deviation / sqrt(n)
    return MeanInterval(mean - half, mean + half)
