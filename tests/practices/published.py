"""Published meta-analyses: their data, and what was published of them.

The published results are compared to the digits that were printed.
"""

from dataclasses import dataclass, field
from math import log

from practices.synthesis import Effect


@dataclass(frozen=True)
class Published:
    """A data set, and by method what was printed of it: name of an attribute of `Pooled` -> value and its digits."""

    name: str
    effects: list[Effect]
    printed: dict[str, dict[str, tuple[float, int]]] = field(default_factory=dict)


def effects(pairs) -> list[Effect]:
    return [Effect(float(y), float(v), city=f"study {number}") for number, (y, v) in enumerate(pairs, 1)]


# Positive and negative for tuberculosis with the vaccine, then without.
# Colditz et al., "Efficacy of BCG vaccine in the prevention of tuberculosis", JAMA 271 (1994), 698-702; the log risk
# ratio is the example of Viechtbauer, "Conducting meta-analyses in R with the metafor package", Journal of Statistical
# Software 36 (2010), number 3, whose page 10 prints the REML model; the other estimators and the interval of
# tau-squared by Q-profile as metafor prints them for the same data.
_BCG = [
    (4, 119, 11, 128),
    (6, 300, 29, 274),
    (3, 228, 11, 209),
    (62, 13536, 248, 12619),
    (33, 5036, 47, 5761),
    (180, 1361, 372, 1079),
    (8, 2537, 10, 619),
    (505, 87886, 499, 87892),
    (29, 7470, 45, 7232),
    (17, 1699, 65, 1600),
    (186, 50448, 141, 27197),
    (5, 2493, 3, 2338),
    (27, 16886, 29, 17825),
]
_HETEROGENEITY = {"q": (152.2330, 4)}
BCG = Published(
    "BCG vaccine",
    effects((log(a / (a + b)) - log(c / (c + d)), 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)) for a, b, c, d in _BCG),
    {
        "REML": _HETEROGENEITY
        | {
            "estimate": (-0.7145, 4),
            "standard_error": (0.1798, 4),
            "normal_interval.low": (-1.0669, 4),
            "normal_interval.high": (-0.3622, 4),
            "tau_squared": (0.3132, 4),
            "tau_squared_interval.low": (0.1197, 4),
            "tau_squared_interval.high": (1.1115, 4),
        },
        "DL": _HETEROGENEITY
        | {
            "estimate": (-0.7141, 4),
            "normal_interval.low": (-1.0644, 4),
            "normal_interval.high": (-0.3638, 4),
            "tau_squared": (0.309, 3),
            "i_squared": (0.9212, 4),
        },
        "PM": _HETEROGENEITY | {"tau_squared": (0.318, 3)},
    },
)

# Estimate and variance of what teachers' expectations did to pupils' IQ.
# Raudenbush, "Analyzing effect sizes: random-effects models", in Cooper, Hedges and Valentine (eds.), The Handbook of
# Research Synthesis and Meta-Analysis, 2nd edition (2009), 295-315: tables 16.2 and 16.3.
_EXPECTATIONS = [
    (0.03, 0.0156),
    (0.12, 0.0216),
    (-0.14, 0.0279),
    (1.18, 0.1391),
    (0.26, 0.1362),
    (-0.06, 0.0106),
    (-0.02, 0.0106),
    (-0.32, 0.0484),
    (0.27, 0.0269),
    (0.80, 0.0630),
    (0.54, 0.0912),
    (0.18, 0.0497),
    (-0.02, 0.0835),
    (0.23, 0.0841),
    (-0.18, 0.0253),
    (-0.06, 0.0279),
    (0.30, 0.0193),
    (0.07, 0.0088),
    (-0.07, 0.0303),
]
EXPECTATIONS = Published(
    "teachers' expectations",
    effects(_EXPECTATIONS),
    {
        "REML": {
            "q": (35.83, 2),
            "tau_squared": (0.019, 3),
            "estimate": (0.084, 3),
            "standard_error": (0.052, 3),
            "normal_interval.low": (-0.018, 3),
            "normal_interval.high": (0.185, 3),
            "hksj_standard_error": (0.062, 3),
            "interval.low": (-0.046, 3),
            "interval.high": (0.213, 3),
        },
        "DL": {
            "tau_squared": (0.026, 3),
            "estimate": (0.089, 3),
            "standard_error": (0.056, 3),
            "normal_interval.low": (-0.020, 3),
            "normal_interval.high": (0.199, 3),
            "hksj_standard_error": (0.064, 3),
            "interval.low": (-0.044, 3),
            "interval.high": (0.223, 3),
        },
    },
)

# Sample, mean days and standard deviation with specialist care of stroke, then with routine care.
# Normand, "Meta-analysis: formulating, evaluating, combining, and reporting", Statistics in Medicine 18 (1999),
# 321-359: tables VIII and IX. The variance of a difference of means uses the pooled standard deviation.
_STROKE = [
    (155, 55, 47, 156, 75, 64),
    (31, 27, 7, 32, 29, 4),
    (75, 64, 17, 71, 119, 29),
    (18, 66, 20, 18, 137, 48),
    (8, 14, 8, 13, 18, 11),
    (57, 19, 7, 52, 18, 4),
    (34, 52, 45, 33, 41, 34),
    (110, 21, 16, 183, 31, 27),
    (60, 30, 27, 52, 23, 20),
]
STROKE = Published(
    "stays after stroke",
    effects(
        (m1 - m2, ((n1 - 1) * s1**2 + (n2 - 1) * s2**2) / (n1 + n2 - 2) * (1 / n1 + 1 / n2))
        for n1, m1, s1, n2, m2, s2 in _STROKE
    ),
    {
        "DL": {
            "tau_squared": (218.72, 2),
            "estimate": (-14.10, 2),
            "normal_interval.low": (-24.45, 2),
            "normal_interval.high": (-3.75, 2),
        },
        "REML": {
            "tau_squared": (685.20, 2),
            "estimate": (-15.12, 2),
            "normal_interval.low": (-32.67, 2),
            "normal_interval.high": (2.43, 2),
        },
    },
)

# Patients and deaths with lidocaine, patients and deaths without.
# Hine, Laird, Hewitt and Chalmers, "Meta-analytic evidence against prophylactic use of lidocaine in acute myocardial
# infarction", Archives of Internal Medicine 149 (1989), 2694-2698; risk differences in percentage points as in Normand
# (1999), tables III and VII. There is no heterogeneity.
_LIDOCAINE = [(39, 2, 43, 1), (44, 4, 44, 4), (107, 6, 110, 4), (103, 7, 100, 5), (110, 7, 106, 3), (154, 11, 146, 4)]
_ONE_EFFECT = {
    "tau_squared": (0.0, 3),
    "estimate": (2.94, 2),
    "normal_interval.low": (0.4, 1),
    "normal_interval.high": (5.5, 1),
}
LIDOCAINE = Published(
    "lidocaine",
    effects(
        (100 * (a / n1 - c / n2), 100**2 * (a / n1 * (1 - a / n1) / n1 + c / n2 * (1 - c / n2) / n2))
        for n1, a, n2, c in _LIDOCAINE
    ),
    {"DL": _ONE_EFFECT, "REML": _ONE_EFFECT, "PM": _ONE_EFFECT},
)

ALL = [BCG, EXPECTATIONS, STROKE, LIDOCAINE]
