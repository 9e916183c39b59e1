"""Keeping the sums of results (`Part`), the sizes of effects and their medians as the results are.

They are always made from the records as they are now, of whole use cases, so that making them twice changes nothing.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.db.models import FloatField, Max
from django.db.models.functions import Cast

from kpis.crosswalk import exact_families
from kpis.models import Result, ResultState, Verification
from practices.effect_arrays import SPREADS, Columns, effects_of, imputed_variances, numbers, signs, sums_of
from practices.part_models import EffectSize, Part, UsualEffect
from practices.rules import Rule
from usecases.models import Status as UseCaseStatus
from usecases.models import UseCase

#: Raised when the same results give other sums.
VERSION = "1"
USE_CASES_AT_ONCE = 5_000
Key = tuple[int, int]
_FIELDS = tuple(one.attname for one in Part._meta.concrete_fields if one.name != "id")
_TOLD = (
    "use_case_id", "kpi_id", "pk", "slug", "kpi__direction", "baseline", "after", "change", "spread_number",
    "spread_kind", "sample_n", "comparison", "method", "data_quality", "grade", "measured_year", "reported_by_id",
    "verification",
)  # fmt: skip


def software(rule: Rule) -> str:
    """Names what the sums hang on besides the results."""
    return f"{VERSION} {rule.digest}"


@dataclass
class Made:
    """What differed: use cases, and indicators by which one of their results has an effect, or had one."""

    use_cases: set[int] = field(default_factory=set)
    kpis: set[int] = field(default_factory=set)


@transaction.atomic
def make(rule: Rule, use_cases: Iterable[int] | None = None) -> Made:
    """Make the sums of these use cases, or of all, what their results say."""
    made = Made()
    for some in _batches(use_cases):
        fresh, sizes = _fresh(rule, some)
        was = {row[:2]: row for row in Part.objects.filter(use_case_id__in=some).values_list(*_FIELDS)}
        differing = {key for key in fresh.keys() | was.keys() if fresh.get(key) != was.get(key)}
        if not differing:
            continue
        others = {key[0] for key in differing}
        Part.objects.filter(use_case_id__in=others).delete()
        EffectSize.objects.filter(use_case_id__in=others).delete()
        Part.objects.bulk_create(
            (Part(**dict(zip(_FIELDS, row, strict=True))) for key, row in fresh.items() if key[0] in others),
            batch_size=1_000,
        )
        EffectSize.objects.bulk_create((one for one in sizes if one.use_case_id in others), batch_size=1_000)
        made.use_cases |= others
        made.kpis |= {key[1] for key in differing}
    if made.kpis:
        forget_usual(made.kpis)
    return made


def _batches(use_cases: Iterable[int] | None) -> Iterator[list[int]]:
    if use_cases is not None:
        keys = sorted(set(use_cases))
        for at in range(0, len(keys), USE_CASES_AT_ONCE):
            yield keys[at : at + USE_CASES_AT_ONCE]
        return
    # By number: also those whose use case is gone.
    most = [UseCase.objects.aggregate(most=Max("pk")), Part.objects.aggregate(most=Max("use_case_id"))]
    for at in range(0, max(one["most"] or 0 for one in most) + 1, USE_CASES_AT_ONCE):
        yield list(range(at, at + USE_CASES_AT_ONCE))


def _fresh(rule: Rule, use_cases: Sequence[int]) -> tuple[dict[Key, tuple[Any, ...]], list[EffectSize]]:
    """Parts as rows of `_FIELDS`, and the sizes of effects, of the public results of some use cases. One query."""
    public = Result.objects.filter(
        state=ResultState.ACCEPTED, use_case__status=UseCaseStatus.PUBLISHED, use_case__in=use_cases
    )
    cast = {
        name: Cast(column, FloatField())
        for name, column in (
            ("baseline", "baseline_value"), ("after", "result_value"), ("change", "change_percent"),
            ("spread_number", "spread"),
        )
    }  # fmt: skip
    rows = list(public.annotate(**cast).order_by("use_case_id", "kpi_id", "slug").values_list(*_TOLD))
    if not rows:
        return {}, []
    told = dict(zip(_TOLD, zip(*rows, strict=True), strict=True))
    baseline, after, change = (numbers(told[name]) for name in ("baseline", "after", "change"))
    designs = [comparison or method for comparison, method in zip(told["comparison"], told["method"], strict=True)]
    effects = effects_of(
        Columns(
            *baseline,
            *after,
            *change,
            sign=signs(told["kpi__direction"]),
            spread=numbers(told["spread_number"])[0],
            spread_kind=np.array([SPREADS.get(one, 0) for one in told["spread_kind"]]),
            n=numbers(told["sample_n"])[0],
            imputed_variance=imputed_variances(designs, told["data_quality"], rule.imputation),
        )
    )
    members: dict[Key, list[int]] = {}
    for at, row in enumerate(rows):
        members.setdefault(row[:2], []).append(at)
    group = np.repeat(np.arange(len(members)), [len(places) for places in members.values()])
    sums = sums_of(effects, group, len(members)).tolist()
    there, estimate = effects.is_there.tolist(), effects.estimate.tolist()
    fresh = {
        key: _row(key, [(rows[at], estimate[at] if there[at] else None) for at in places], sums[number])
        for number, (key, places) in enumerate(members.items())
    }
    sizes = [
        EffectSize(result_id=row[2], use_case_id=row[0], kpi_id=row[1], size=abs(estimate[at]))
        for at, row in enumerate(rows)
        if there[at]
    ]
    return fresh, sizes


def _row(key: Key, results: Sequence[tuple[tuple[Any, ...], float | None]], sums: list[float]) -> tuple[Any, ...]:
    """A part as its columns are, without its own number."""
    counted = [(dict(zip(_TOLD, row, strict=True)), estimate) for row, estimate in results if estimate is not None]
    reporters = Counter(str(row["reported_by_id"]) for row, _estimate in counted if row["reported_by_id"])
    grades = [row["grade"] for row, _estimate in counted]
    digest = sha256(repr([row[3:] for row, _estimate in results]).encode())
    return (
        *key,
        len(counted),
        len(results) - len(counted),
        *sums,
        min((estimate for _row, estimate in counted), default=None),
        sum(grades),
        max(grades, default=0),
        sorted(row["measured_year"] for row, _estimate in counted if row["measured_year"] is not None),
        dict(sorted(reporters.items())),
        sum(row["verification"] == Verification.INDEPENDENT for row, _estimate in counted),
        digest.hexdigest(),
    )


# --- what results of an indicator usually show -----------------------------------------------------------------------
def forget_usual(kpis: Iterable[int]) -> None:
    """The medians of these indicators, and of all that are the same, are to be read again."""
    same = exact_families()
    UsualEffect.objects.filter(kpi_id__in={other for pk in kpis for other in same.get(pk, {pk})}).delete()


def usual(kpis: Iterable[int]) -> dict[int, float]:
    """Indicator -> median size of the effects of its family; those without any effect are left out.

    Only what is not known is read: the sizes of those indicators alone, from an index.
    """
    wanted = set(kpis)
    known = dict(UsualEffect.objects.filter(kpi_id__in=wanted).values_list("kpi_id", "median"))
    if missing := sorted(wanted - known.keys()):
        same = exact_families()
        pairs = [(pk, other) for pk in missing for other in same.get(pk, {pk})]
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT w.kpi, percentile_cont(0.5) WITHIN GROUP (ORDER BY e.size) "
                f"FROM unnest(%s::bigint[], %s::bigint[]) AS w(kpi, other) "
                f"LEFT JOIN {EffectSize._meta.db_table} e ON e.kpi_id = w.other GROUP BY w.kpi",
                [list(column) for column in zip(*pairs, strict=True)],
            )
            found = dict(cursor.fetchall())
        known |= found
        UsualEffect.objects.bulk_create(
            [UsualEffect(kpi_id=pk, median=median) for pk, median in found.items()], ignore_conflicts=True
        )
    return {pk: median for pk, median in known.items() if median is not None}
