"""What waits for the editors of practices, and suggestions of the search told in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kpis.models import Kpi, Result
from practices.models import Challenge, ChallengeState, Practice, PracticeState, Suggestion, SuggestionState
from usecases.models import Technology, UseCase

PART_TITLES = {
    "technologies": gettext_lazy("Technologies"),
    "words": gettext_lazy("Words"),
    "kpis": gettext_lazy("Indicators"),
}


@dataclass(frozen=True)
class Part:
    """A part of a likeness: its title, points of 100, and what is shared."""

    title: str
    points: float
    shared: str


@dataclass(frozen=True)
class SuggestedCase:
    """A use case of a suggestion: `likeness` to the others, in points of 100, and the parts that add up to it."""

    use_case: UseCase
    parts: list[Part]
    likeness: float


@dataclass(frozen=True)
class Suggested:
    """A suggestion with names put to it."""

    suggestion: Suggestion
    title: str
    cases: list[SuggestedCase]

    @property
    def likeness(self) -> float:
        """Points of 100."""
        return self.suggestion.likeness * 100


@dataclass(frozen=True)
class Names:
    """Of use cases, technologies and indicators that suggestions speak of."""

    use_cases: Mapping[str, UseCase]
    technologies: Mapping[str, str]
    kpis: Mapping[str, str]

    @classmethod
    def of(cls, suggestions: list[Suggestion]) -> "Names":
        """Three queries for any number of suggestions."""
        parts = [part for one in suggestions for case in one.cases for part in case["parts"]]
        shared = {
            name: {key for part in parts if part["name"] == name for key in part["shared"]} for name in PART_TITLES
        }
        slugs = {slug for one in suggestions for slug in one.slugs}
        cases = UseCase.objects.visible_to(None).filter(slug__in=slugs).for_cards()
        return cls(
            {case.slug: case for case in cases},
            dict(Technology.objects.filter(slug__in=shared["technologies"]).values_list("slug", "name")),
            dict(Kpi.objects.filter(code__in=shared["kpis"]).values_list("code", "name")),
        )

    def shared(self, part: Mapping[str, Any]) -> list[str]:
        names = {"technologies": self.technologies, "kpis": self.kpis}.get(part["name"], {})
        return [names.get(key, key) for key in part["shared"]]


def told(suggestions: list[Suggestion]) -> list[Suggested]:
    """Suggestions with names; a use case that was withdrawn meanwhile is left out. Three queries."""
    names = Names.of(suggestions)
    return [Suggested(one, title_of(one, names), _cases(one, names)) for one in suggestions]


def _cases(suggestion: Suggestion, names: Names) -> list[SuggestedCase]:
    rows = []
    for one in suggestion.cases:
        use_case = names.use_cases.get(one["use_case"])
        if use_case is not None:
            parts = [
                Part(str(PART_TITLES[part["name"]]), part["points"] * 100, _(", ").join(names.shared(part)))
                for part in one["parts"]
            ]
            rows.append(SuggestedCase(use_case, parts, sum(part.points for part in parts)))
    return rows


def title_of(suggestion: Suggestion, names: Names) -> str:
    """A name to begin with: the technologies that most of its use cases share, else the words."""
    for name in ("technologies", "words"):
        counts: dict[str, int] = {}
        for case in suggestion.cases:
            for part in case["parts"]:
                for key in names.shared(part) if part["name"] == name else ():
                    counts[key] = counts.get(key, 0) + 1
        most = sorted((key for key, count in counts.items() if 2 * count > len(suggestion.cases)), key=_most_of(counts))
        if most:
            return _begun(_(", ").join(most[:2]))
    return str(suggestion.vertical)


def _begun(text: str) -> str:
    return text[:1].upper() + text[1:]


def _most_of(counts: Mapping[str, int]) -> Any:
    return lambda key: (-counts[key], key)


def link_reasons(suggested: Suggested) -> dict[str, str]:
    """Slug of each use case -> the reason of its link as the search found it."""
    return {
        one.use_case.slug: _("Alike by %(shared)s.")
        % {"shared": "; ".join(f"{part.title.lower()}: {part.shared}" for part in one.parts if part.shared)}
        for one in suggested.cases
    }


def primary_kpi(suggestion: Suggestion) -> Kpi | None:
    """The indicator by which most of its cities were measured; None where there is none. One query."""
    cities: dict[Kpi, set[int]] = {}
    rows = Result.objects.visible_to(None).filter(use_case__slug__in=suggestion.slugs).exclude(kpi__direction="none")
    for result in rows.select_related("kpi", "use_case"):
        cities.setdefault(result.kpi, set()).add(result.use_case.city_id)
    return min(cities, key=lambda kpi: (-len(cities[kpi]), kpi.code), default=None)


def waiting() -> dict[str, Any]:
    """What waits for editors. A fixed number of queries."""
    suggestions = list(Suggestion.objects.filter(state=SuggestionState.OPEN).select_related("vertical"))
    decided = Suggestion.objects.exclude(state=SuggestionState.OPEN).select_related(
        "vertical", "practice", "decided_by"
    )
    recent = list(decided.order_by("-decided_at")[:20])
    return {
        "suggested": told(suggestions),
        "decided": list(zip(recent, told(recent), strict=True)),
        "proposals": list(Practice.objects.filter(state=PracticeState.PROPOSED).select_related("vertical")),
        "challenges": list(
            Challenge.objects.filter(state=ChallengeState.OPEN).select_related("practice").order_by("created_at", "pk")
        ),
    }
