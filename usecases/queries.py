"""Reads over several models: related use cases with the reason why, and standards layer by layer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db import connection
from django.db.models import Count, Exists, F, IntegerField, Model, OuterRef, Prefetch, Q, QuerySet, Subquery, Window
from django.db.models.expressions import Case, CombinedExpression, Value, When
from django.db.models.functions import Coalesce, RowNumber
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alliance.core.keyed import AnyOf
from alliance.core.search import STEMMED
from alliance.members.models import Organisation
from standards.models import LAYER_QUESTIONS, Edition, EditionStatus, Layer, Standard
from standards.search import SEARCHABLE
from usecases.models import Participation, StandardUse, Technology, UseCase

#: What a likeness counts for: one technology ("mobile app") says less than the field, two say more.
SAME_TECHNOLOGY, SAME_STANDARD, SAME_ORGANISATION, SAME_FIELD, SAME_CITY, SAME_COUNTRY = 3, 3, 2, 5, 2, 1
MOST_RELATED = 4
#: Cases of which all that they share is counted; those of most shared links, and of the same field or city, that are
#: looked at before; and those that are looked at for each link.
MOST_COMPARED, MOST_LINKED, MOST_OF_ONE_KIND, MOST_SHARING = 120, 500, 200, 1_000
_WORD = re.compile(r"[^\W\d_]{3,}")
#: Words that nearly every standard for cities has, so that they tell nothing about likeness.
SAYING_LITTLE = frozenset(
    [
        "and",
        "for",
        "the",
        "with",
        "smart",
        "city",
        "cities",
        "citywide",
        "urban",
        "digital",
        "data",
        "system",
        "systems",
        "management",
        "control",
        "network",
        "platform",
        "service",
        "services",
        "project",
        "pilot",
        "programme",
    ]
)
MOST_SUGGESTED_PER_LAYER = 2
#: A standard for more fields than this is one for the city as a whole.
MOST_FIELDS = 4


@dataclass(frozen=True)
class Related:
    """A use case that is like another one, and in what."""

    use_case: UseCase
    reasons: Sequence[str]


def related_use_cases(use_case: UseCase, user, *, limit: int = MOST_RELATED) -> list[Related]:
    """The cases most like this one, the most alike first; ties by title. Five queries for any number of rows.

    Exact among those that `_candidates` finds, which are all cases while there are not more than `MOST_COMPARED`.

    Args:
        use_case: with vertical, city and country loaded and technologies, standards and organisations prefetched.
    """
    technologies = [technology.pk for technology in use_case.technologies.all()]
    standards = [use.standard_id for use in use_case.standard_uses.all()]
    organisations = [participation.organisation_id for participation in use_case.participations.all()]
    place = use_case.city
    shared = (
        (UseCase.technologies.through, "usecase_id", "technology_id", technologies, SAME_TECHNOLOGY),
        (StandardUse, "use_case_id", "standard_id", standards, SAME_STANDARD),
        (Participation, "use_case_id", "organisation_id", organisations, SAME_ORGANISATION),
    )
    score: Case | CombinedExpression = _points(Q(vertical=use_case.vertical_id), SAME_FIELD)
    score = score + _points(Q(city=place.pk), SAME_CITY)
    score = score + _points(Q(city__country=place.country_id), SAME_COUNTRY)
    for model, owner, column, keys, points in shared:
        score = score + _shared(model.objects.filter(AnyOf(F(column), keys)), owner) * points
    found = (
        UseCase.objects.visible_to(user)
        .filter(pk__any_of=_candidates(use_case, shared))
        .for_cards()
        .annotate(likeness=score)
        .order_by("-likeness", "title", "pk")
        .prefetch_related(
            Prefetch("technologies", Technology.objects.filter(pk__any_of=technologies), to_attr="same_technologies"),
            Prefetch("standards", Standard.objects.filter(pk__any_of=standards).distinct(), to_attr="same_standards"),
            Prefetch(
                "organisations", Organisation.objects.filter(pk__any_of=organisations), to_attr="same_organisations"
            ),
        )
    )
    return [Related(other, _reasons(use_case, other)) for other in found[:limit]]


#: A model, its columns of the use case and of what is shared, the keys of the latter, and what each counts for.
Link = tuple[type[Model], str, str, Sequence[Any], int]


def _candidates(use_case: UseCase, links: Sequence[Link]) -> list[int]:
    """The ids of the cases that have most in common with this one. The same SQL for every case.

    A value that very many cases share says little, and reading all of them would be a scan of the table.
    """
    parts: list[str] = []
    parameters: list[Any] = []
    for model, owner, column, keys, points in links:
        parts.append(f"SELECT id, {points} AS points FROM ({_sharing(model, owner, column)}) AS sharing")
        parameters += [[*keys], MOST_SHARING]
    table = UseCase._meta.db_table
    sql = f"""
        WITH linked AS MATERIALIZED (
          SELECT id, sum(points) AS points FROM ({" UNION ALL ".join(parts)}) AS one_by_one GROUP BY id
        ), chosen AS MATERIALIZED (
          (SELECT id FROM linked ORDER BY points DESC, id LIMIT %s)
          UNION {_sharing(UseCase, "id", "city_id")} UNION {_sharing(UseCase, "id", "vertical_id")}
        )
        SELECT u.id FROM "{table}" u LEFT JOIN linked ON linked.id = u.id
        WHERE u.id = ANY(ARRAY(SELECT id FROM chosen)) AND u.id <> %s
        ORDER BY coalesce(points, 0) + CASE WHEN vertical_id = %s THEN {SAME_FIELD} ELSE 0 END
          + CASE WHEN city_id = %s THEN {SAME_CITY} ELSE 0 END DESC, u.id LIMIT %s
    """
    field, city = use_case.vertical_id, use_case.city_id
    parameters += [MOST_LINKED, [city], MOST_OF_ONE_KIND, [field], MOST_OF_ONE_KIND]
    with connection.cursor() as cursor:
        cursor.execute(sql, [*parameters, use_case.pk, field, city, MOST_COMPARED])
        return [key for (key,) in cursor.fetchall()]


def _sharing(model: type[Model], owner: str, column: str) -> str:
    """SQL of the ids of cases that share each of some values; the parameters are the values, and how many cases.

    It is planned for all cases of an average value, by the index of the values, and read no further than needed:
    planned for the first few it would be a scan of the table.
    """
    return (
        "SELECT one.id FROM unnest(%s::bigint[]) AS value CROSS JOIN LATERAL ("
        f'WITH every AS MATERIALIZED (SELECT {owner} AS id FROM "{model._meta.db_table}" WHERE {column} = value) '
        "SELECT id FROM every LIMIT %s) AS one"
    )


def _points(condition: Q, points: int) -> Case:
    return Case(When(condition, then=Value(points)), default=Value(0), output_field=IntegerField())


def _shared(rows: QuerySet, owner: str) -> Coalesce:
    """How many of the given links point to the row of the outer query."""
    count = rows.filter(**{owner: OuterRef("pk")}).order_by().values(owner).annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(count, output_field=IntegerField()), 0)


def _reasons(use_case: UseCase, other: Any) -> list[str]:
    """In what two cases are alike, each reason a short sentence without its full stop.

    Args:
        other: a use case with `same_technologies`, `same_standards` and `same_organisations` prefetched.
    """
    reasons = []
    same_field = use_case.vertical_id == other.vertical_id
    same_city = use_case.city_id == other.city_id
    same_country = use_case.city.country_id == other.city.country_id
    if same_field and same_city:
        reasons.append(_("Same field and city"))
    elif same_field and same_country:
        reasons.append(_("Same field and country"))
    elif same_field:
        reasons.append(_("Same field"))
    elif same_city:
        reasons.append(_("Same city"))
    elif same_country:
        reasons.append(_("Same country"))
    if other.same_technologies:
        reasons.append(_("Also uses %(names)s") % {"names": _names(other.same_technologies)})
    if other.same_standards:
        reasons.append(_("Also names %(names)s") % {"names": _names(other.same_standards)})
    if other.same_organisations:
        names = [str(organisation) for organisation in other.same_organisations]
        reasons.append(
            ngettext("%(names)s takes part in both", "%(names)s take part in both", len(names))
            % {"names": _names(names)}
        )
    return reasons


def _names(things: Sequence[object]) -> str:
    """At most three names, and how many more."""
    names = [str(thing) for thing in things]
    shown, rest = _(", ").join(names[:3]), len(names) - 3
    if rest <= 0:
        return shown
    return ngettext("%(names)s and %(n)d more", "%(names)s and %(n)d more", rest) % {"names": shown, "n": rest}


@dataclass(frozen=True)
class LayerUses:
    """The standards of one interoperability layer that a case names."""

    code: str
    label: Promise | str
    question: object
    uses: Sequence[StandardUse]


def standards_by_layer(use_case: UseCase) -> list[LayerUses]:
    """All four layers in their order, with the standards that the case names. No query: the uses are prefetched."""
    uses = list(use_case.standard_uses.all())
    return [
        LayerUses(
            layer.value,
            layer.label,
            LAYER_QUESTIONS[layer],
            [use for use in uses if use.standard.layer == layer.value],
        )
        for layer in Layer
    ]


@dataclass(frozen=True)
class LayerSuggestions:
    """Standards of one layer in the catalogue that a city could ask for."""

    label: Promise | str
    question: object
    standards: Sequence[Standard]


def suggested_standards(use_case: UseCase, *, per_layer: int = MOST_SUGGESTED_PER_LAYER) -> list[LayerSuggestions]:
    """Standards for the same field that the case does not name, a few a layer; layers without any are left out.

    Those for few fields come first; among them, those whose texts have most words of the case's title and most of its
    technologies; then by designation. Only standards with an edition in force that say what to ask for in a tender.
    One query.
    """
    named = {use.standard_id for use in use_case.standard_uses.all()}
    in_force = Edition.objects.filter(standard=OuterRef("pk"), status=EditionStatus.PUBLISHED)
    words = {word for word in _WORD.findall(use_case.title.lower()) if word not in SAYING_LITTLE}
    # A technology counts as a whole: "mobile app" is not the mobile of a driving licence.
    technologies = {f'"{one.name}"' for one in use_case.technologies.all() if '"' not in one.name}
    asked = " or ".join(sorted(words | technologies))
    likeness = SearchRank(SEARCHABLE.vector(STEMMED), SearchQuery(asked, config=STEMMED, search_type="websearch"))
    place = Window(
        RowNumber(),
        partition_by=F("layer"),
        order_by=[
            _points(Q(verticals__len__gt=MOST_FIELDS), 1).asc(),
            likeness.desc(),
            F("verticals__len").asc(),
            F("designation").asc(),
            F("pk").asc(),
        ],
    )
    rows = (
        Standard.objects.filter(Exists(in_force), verticals__contains=[use_case.vertical.code])
        .exclude(rfp_use="")
        .exclude(pk__in=named)
        .annotate(place_in_layer=place)
        .filter(place_in_layer__lte=per_layer)
        .order_by("place_in_layer", "pk")
    )
    found = list(rows)
    return [
        LayerSuggestions(layer.label, LAYER_QUESTIONS[layer], standards)
        for layer in Layer
        if (standards := [standard for standard in found if standard.layer == layer.value])
    ]
