"""Looking for emerging practices among the published use cases that are in none, and keeping what was found."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from hashlib import sha256

from django.db import connection, transaction

from kpis.models import Result
from practices.emerging import Case, Corpus, groups_of, words_of
from practices.models import Implementation, PracticeState, Suggestion, SuggestionState
from usecases.models import UseCase, Vertical

#: A use case linked to a practice of such a state is in a practice.
LIVING = (PracticeState.PROPOSED, PracticeState.ACCEPTED, PracticeState.EMERGING)
#: Use cases of one field that are compared with each other, the newest: time and room grow with their square. 1,000
#: take 7 seconds of a processor and 150 MB.
MOST_OF_A_FIELD = 1_000
_LOCK = 7_301_012


@dataclass
class Report:
    """What a search found: use cases in no practice, those of them that were too many to compare, groups among the
    others, and suggestions made and taken back."""

    free: int = 0
    left_out: int = 0
    groups: int = 0
    suggested: int = 0
    taken_back: int = 0

    def sentences(self) -> list[str]:
        told = [
            f"{self.free} published use cases are in no practice; {self.groups} groups of them look like one.",
            f"{self.suggested} groups were suggested to the editors, {self.taken_back} suggestions taken back.",
        ]
        if self.left_out:
            told.append(
                f"The oldest {self.left_out} use cases were left out: {MOST_OF_A_FIELD} of a field are compared."
            )
        return told


def read_cases() -> tuple[list[Case], list[Case]]:
    """All published use cases, and those that are in no practice, the newest first. Four queries."""
    kpis: dict[int, set[str]] = {}
    for use_case, code in Result.objects.visible_to(None).values_list("use_case_id", "kpi__code"):
        kpis.setdefault(use_case, set()).add(code)
    rows = (
        UseCase.objects.visible_to(None).select_related("vertical", "city__country").order_by("-published_at", "slug")
    )
    taken = set(Implementation.objects.filter(practice__state__in=LIVING).values_list("use_case_id", flat=True))
    cases, free = [], []
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
            free.append(cases[-1])
    return cases, free


def _at_most(cases: Iterable[Case]) -> list[Case]:
    """Of each field the first `MOST_OF_A_FIELD`."""
    count: Counter[str] = Counter()
    kept = []
    for case in cases:
        count[case.vertical] += 1
        if count[case.vertical] <= MOST_OF_A_FIELD:
            kept.append(case)
    return kept


def fingerprint(slugs: Iterable[str]) -> str:
    """Of a set of use cases, in whatever order."""
    return sha256("\n".join(sorted(slugs)).encode()).hexdigest()


@transaction.atomic
def search() -> Report:
    """Suggest the groups that there are now. What editors decided about a set stands; open suggestions that the cases
    bear no more are taken back. Twice in a row, the second time changes nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
    cases, free = read_cases()
    compared = _at_most(free)
    groups = groups_of(compared, Corpus.of(cases))
    found = {fingerprint(group.cases): group for group in groups}
    report = Report(free=len(free), left_out=len(free) - len(compared), groups=len(groups))
    outdated = Suggestion.objects.filter(state=SuggestionState.OPEN).exclude(fingerprint__in=found)
    report.taken_back = outdated.delete()[0]
    known = {one.fingerprint: one for one in Suggestion.objects.filter(fingerprint__in=found)}
    verticals = dict(Vertical.objects.values_list("code", "pk"))
    fresh: list[Suggestion] = []
    told_anew: list[Suggestion] = []
    for key, group in found.items():
        one = known.get(key) or Suggestion(fingerprint=key, vertical_id=verticals[group.vertical])
        told = [
            {"use_case": slug, "parts": [asdict(part) | {"shared": [*part.shared]} for part in group.reasons[slug]]}
            for slug in group.cases
        ]
        if one.state != SuggestionState.OPEN or (one.cases, one.likeness) == (told, group.likeness):
            continue
        one.cases, one.likeness = told, group.likeness
        (told_anew if key in known else fresh).append(one)
    Suggestion.objects.bulk_create(fresh)
    # The same use cases, described otherwise by now: as alike as they are today.
    Suggestion.objects.bulk_update(told_anew, ["cases", "likeness"])
    report.suggested = len(fresh)
    return report
