"""Looking for emerging practices among the published use cases that are in none, and keeping what was found."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from django.db import transaction

from kpis.models import Result
from practices.emerging import Case, Corpus, Group, groups_of, words_of
from practices.models import Implementation, PracticeState
from usecases.models import UseCase

#: A use case linked to a practice of such a state is in a practice.
LIVING = (PracticeState.PROPOSED, PracticeState.ACCEPTED, PracticeState.EMERGING)


def read_cases() -> tuple[list[Case], set[str]]:
    """All published use cases, and the slugs of those that are in no practice. Four queries."""
    kpis: dict[int, set[str]] = {}
    for use_case, code in Result.objects.visible_to(None).values_list("use_case_id", "kpi__code"):
        kpis.setdefault(use_case, set()).add(code)
    rows = UseCase.objects.visible_to(None).select_related("vertical", "city__country").order_by("slug")
    taken = set(Implementation.objects.filter(practice__state__in=LIVING).values_list("use_case_id", flat=True))
    cases, free = [], set()
    for row in rows.prefetch_related("technologies"):
        city = row.city
        cases.append(
            Case(
                slug=row.slug,
                vertical=row.vertical.code,
                city=city.slug,
                technologies=frozenset(one.slug for one in row.technologies.all()),
                kpis=frozenset(kpis.get(row.pk, ())),
                words=words_of(f"{row.title} {row.problem} {row.solution}", (city.name, city.country.name)),
            )
        )
        if row.pk not in taken:
            free.add(row.slug)
    return cases, free


def found_groups(free: Collection[str] | None = None) -> list[Group]:
    """The groups that there are now; among other cases than those in no practice where `free` names them."""
    cases, in_none = read_cases()
    chosen = in_none if free is None else set(free)
    return groups_of([case for case in cases if case.slug in chosen], Corpus.of(cases))
