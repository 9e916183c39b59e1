"""Quantiles of Student's t and of chi-squared, for whole degrees of freedom, by their finite series.

Source: Abramowitz and Stegun, Handbook of Mathematical Functions (1964), sections 26.4 and 26.7.
"""

from functools import lru_cache
from math import atan, cos, erfc, exp, fsum, hypot, lgamma, log, pi, sin, sqrt

CONFIDENCE = 0.95
#: The standard normal quantile at 0.975.
NORMAL_975 = 1.959963984540054


@lru_cache(maxsize=4096)
def t_quantile_975(freedom: int) -> float:
    """The 0.975 quantile of Student's t with `freedom` degrees of freedom, to 1e-12.

    Source: the expansion 26.7.5 around the normal quantile; up to 1,000 degrees of freedom it is where Newton's method
    starts on the exact series 26.7.3 and 26.7.4.
    Raises: ValueError below one degree.
    """
    if freedom < 1:
        raise ValueError("Student's t needs at least one degree of freedom.")
    if freedom == 1:
        angle = pi * (1 - CONFIDENCE) / 2
        return cos(angle) / sin(angle)
    t = _expanded(freedom)
    if freedom > 1_000:
        return t
    for _ in range(20):
        step = (_central_share(t, freedom) - CONFIDENCE) / (2 * _density(t, freedom))
        t -= step
        if abs(step) < 1e-14 * t:
            break
    return t


def _expanded(freedom: int) -> float:
    z, v = NORMAL_975, freedom
    return (
        z
        + (z**3 + z) / (4 * v)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * v**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * v**3)
        + (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / (92_160 * v**4)
    )


def _central_share(t: float, freedom: int) -> float:
    """The chance of a value between -t and t: 26.7.3 for odd, 26.7.4 for even degrees of freedom."""
    root = sqrt(freedom)
    angle = atan(t / root)
    cosine, sine = root / hypot(root, t), t / hypot(root, t)
    if freedom % 2:
        term = cosine if freedom > 1 else 0.0
        terms = [term]
        for k in range(3, freedom - 1, 2):
            term *= cosine * cosine * (k - 1) / k
            terms.append(term)
        return 2 / pi * (angle + sine * fsum(terms))
    term = 1.0
    terms = [term]
    for k in range(2, freedom - 1, 2):
        term *= cosine * cosine * (k - 1) / k
        terms.append(term)
    return sine * fsum(terms)


def _density(t: float, freedom: int) -> float:
    """Of Student's t: its constant from B(1/2, freedom/2) as a product, which needs no gamma function."""
    constant = 1 / pi if freedom % 2 else 1 / (2 * sqrt(2))
    for k in range(1 if freedom % 2 else 2, freedom, 2):
        constant *= (k + 1) / sqrt(k * (k + 2))
    return constant * (1 + t * t / freedom) ** (-(freedom + 1) / 2)


def chi_squared_tail(value: float, freedom: int) -> float:
    """The chance that chi-squared with `freedom` degrees of freedom exceeds `value`: 26.4.4 (odd) and 26.4.5 (even).

    Raises: ValueError below one degree.
    """
    if freedom < 1:
        raise ValueError("Chi-squared needs at least one degree of freedom.")
    if value <= 0:
        return 1.0
    half, start = value / 2, 0.5 if freedom % 2 else 0.0
    terms = [exp((start + j) * log(half) - half - lgamma(start + j + 1)) for j in range(freedom // 2)]
    return min(1.0, fsum([erfc(sqrt(half)) if freedom % 2 else 0.0, *terms]))


@lru_cache(maxsize=4096)
def chi_squared_quantile(share: float, freedom: int) -> float:
    """The value that chi-squared stays below with a chance of `share` (0 to 1, both excluded), by bisection.

    Raises: ValueError for another share, or below one degree.
    """
    if not 0 < share < 1:
        raise ValueError("A quantile needs a share between 0 and 1.")
    low, high = 0.0, float(freedom)
    while chi_squared_tail(high, freedom) > 1 - share:
        low, high = high, 2 * high
    while (middle := (low + high) / 2) not in (low, high):
        low, high = (middle, high) if chi_squared_tail(middle, freedom) > 1 - share else (low, middle)
    return middle
