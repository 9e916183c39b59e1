"""A public result as the synthesis needs it, and its effect under a rule."""

from dataclasses import dataclass

from practices import synthesis
from practices.rules import Rule


@dataclass(frozen=True, slots=True)
class Measured:
    """One public result of a use case, as the synthesis needs it; everything by its public key."""

    result: str
    use_case: str
    city: str
    region: str
    size: str
    kpi: str
    direction: str
    baseline: float | None
    after: float | None
    change_percent: float | None
    spread: float | None
    spread_kind: str
    n: int | None
    method: str
    design: str
    quality: str
    grade: int
    year: int | None
    reporter: str
    suppliers: tuple[str, ...]
    verified: bool


def effect_of(one: Measured, rule: Rule) -> synthesis.Effect | synthesis.Refusal:
    """The effect of one result under a rule."""
    return synthesis.effect_of(
        baseline=one.baseline,
        after=one.after,
        change_percent=one.change_percent,
        direction=one.direction,
        imputation=rule.imputation,
        spread=one.spread,
        spread_kind=one.spread_kind,
        n=one.n,
        design=one.design,
        quality=one.quality,
        result=one.result,
        use_case=one.use_case,
        city=one.city,
    )
