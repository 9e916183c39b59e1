"""What is asked of a use case and of a result: the one list that forms, sheets and the API are made of.

A field knows how it is named at each door, on which page of the form it stands, how its text is read
(`reporting.reading`), and what a reader gains by it. Adding a field here adds it everywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from django.db.models import TextChoices
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from alliance.core.verticals import VerticalCode
from kpis.measurement import ComparisonDesign as ComparisonDesign
from kpis.measurement import Outcome as Outcome
from kpis.measurement import SideEffects as SideEffects
from kpis.measurement import Spread as Spread
from kpis.measurement import SpreadUnknown as SpreadUnknown
from kpis.models import DataQuality
from usecases.models import Confidence, CovidRelevance, ParticipationRole, Stage, UseState

Words = str | Promise
#: (`Field` has an attribute of the name `type`.)
Choices = type[TextChoices]


class Type(StrEnum):
    """How the text of an entry is read, and what comes out; `reporting.reading` has a reader for each."""

    LINE = "line"  # str without line breaks
    TEXT = "text"  # str
    CHOICE = "choice"  # the code, from its code or its words in any language of the portal
    YES_NO = "yes-no"  # bool
    YEAR = "year"  # int
    DATE = "date"  # datetime.date
    NUMBER = "number"  # Decimal
    COUNT = "count"  # int, not negative
    PERCENT = "percent"  # Decimal; "-43", "-43 %", "minus 43"
    UNIT = "unit"  # an expression that the registry of units knows
    CURRENCY = "currency"  # ISO 4217
    ADDRESS = "address"  # http(s) address
    SOURCE = "source"  # an address or a citation
    CITY = "city"  # usecases.models.City
    KPI = "kpi"  # kpis.models.Kpi
    USE_CASE = "use-case"  # usecases.models.UseCase that is public, or one's own report of one
    STANDARD = "standard"  # standards.models.Standard, with an edition when the designation names one
    ORGANISATION = "organisation"  # members.models.Organisation, or the name of a new one
    TECHNOLOGIES = "technologies"  # list of names, split at semicolons and line breaks


@dataclass(frozen=True)
class Page:
    """One short page of a form: one topic."""

    name: str
    title: Words
    lead: Words = ""


@dataclass(frozen=True)
class Field:
    """One thing that is asked.

    Attributes:
        name: in `Report.entries`, as the column of a sheet and as the member of the API's JSON.
        required: a report without it cannot be submitted.
        unlocks: what an answer makes possible, for the completeness meter; empty: nothing more.
        weight: how much of completeness an answer is worth; 0 for what has no bearing.
        parts: of what can be given several times, the fields of one time; `entries[name]` is a list of mappings then.
        synonyms: further headers that sheets use for it, in lower case.
    """

    name: str
    type: Type
    label: Words
    page: str
    help: Words = ""
    required: bool = False
    choices: Choices | None = None
    maximum_length: int = 500
    unlocks: Words = ""
    weight: int = 1
    parts: tuple["Field", ...] = field(default=())
    synonyms: tuple[str, ...] = ()

    @property
    def is_repeated(self) -> bool:
        return bool(self.parts)


@dataclass(frozen=True)
class Form:
    """All that is asked about one kind of report."""

    pages: tuple[Page, ...]
    fields: tuple[Field, ...]

    def __getitem__(self, name: str) -> Field:
        return self.by_name[name]

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        return {one.name: one for one in self.fields}

    def on(self, page: str) -> tuple[Field, ...]:
        """The fields of a page, in their order."""
        return tuple(one for one in self.fields if one.page == page)


USE_CASE = Form(
    pages=(
        Page("basics", _("The essentials"), _("Ten answers make a record that others can find.")),
        Page("technology", _("Technology and standards"), _("What it is built with, and what keeps it open.")),
        Page("people", _("Who takes part")),
        Page("money", _("Cost")),
        Page("lessons", _("Lessons"), _("What you would tell a colleague in another city.")),
    ),
    fields=(
        Field(
            "title",
            Type.LINE,
            _("Title"),
            "basics",
            required=True,
            maximum_length=200,
            help=_("What was done and where, in a few words."),
            synonyms=("name", "project", "titel", "título"),
        ),
        Field(
            "city",
            Type.CITY,
            _("City"),
            "basics",
            required=True,
            maximum_length=200,
            help=_("Type the name; add the country when several cities share it."),
            synonyms=("town", "municipality", "ciudad", "stadt"),
        ),
        Field(
            "vertical",
            Type.CHOICE,
            _("Field"),
            "basics",
            required=True,
            choices=VerticalCode,
            synonyms=("field", "sector", "domain", "topic", "sector urbano"),
        ),
        Field(
            "stage",
            Type.CHOICE,
            _("Stage"),
            "basics",
            required=True,
            choices=Stage,
            synonyms=("status", "phase", "etapa"),
        ),
        Field(
            "started_year",
            Type.YEAR,
            _("Year it started"),
            "basics",
            required=True,
            synonyms=("start", "start year", "year", "año", "año de inicio"),
        ),
        Field(
            "problem",
            Type.TEXT,
            _("What was wrong"),
            "basics",
            required=True,
            maximum_length=2_000,
            help=_("One or two sentences."),
            synonyms=("challenge", "need", "problema"),
        ),
        Field(
            "solution",
            Type.TEXT,
            _("What the city did"),
            "basics",
            required=True,
            maximum_length=2_000,
            help=_("One or two sentences."),
            synonyms=("description", "approach", "solución"),
        ),
        Field(
            "technologies",
            Type.TECHNOLOGIES,
            _("Technologies"),
            "basics",
            required=True,
            maximum_length=500,
            help=_("Several with semicolons between them."),
            synonyms=("technology", "tecnologías"),
        ),
        Field(
            "role",
            Type.CHOICE,
            _("What your organisation does in it"),
            "basics",
            required=True,
            choices=ParticipationRole,
            synonyms=("our role", "role of the organisation"),
        ),
        Field(
            "source",
            Type.SOURCE,
            _("Where one can read about it"),
            "basics",
            required=True,
            help=_("An address, or a report by title and year."),
            synonyms=("link", "url", "reference", "fuente"),
        ),
        Field(
            "ended_year",
            Type.YEAR,
            _("Year it ended"),
            "technology",
            weight=0,
            help=_("Leave empty while it goes on."),
            synonyms=("end", "end year"),
        ),
        Field(
            "standards",
            Type.TEXT,
            _("Standards"),
            "technology",
            weight=3,
            unlocks=_("It is found by its standards, and counts as evidence for clauses in tenders."),
            parts=(
                Field("standard", Type.STANDARD, _("Standard"), "technology", required=True, maximum_length=120),
                Field("state", Type.CHOICE, _("It is"), "technology", choices=UseState),
                Field("problems_met", Type.TEXT, _("Problems met with it"), "technology", maximum_length=1_000),
            ),
            synonyms=("standards used", "normas", "estándares"),
        ),
        Field(
            "organisations",
            Type.TEXT,
            _("Who else takes part"),
            "people",
            weight=1,
            unlocks=_("Other cities find it by its suppliers and partners."),
            parts=(
                Field(
                    "organisation", Type.ORGANISATION, _("Organisation"), "people", required=True, maximum_length=200
                ),
                Field("role", Type.CHOICE, _("What it does"), "people", choices=ParticipationRole),
            ),
            synonyms=("partners", "participants", "socios"),
        ),
        Field(
            "city_from_outset",
            Type.YES_NO,
            _("Was the city in from the outset?"),
            "people",
            unlocks=_("It counts in the comparison of projects that began with the city."),
        ),
        Field("alliance_from_outset", Type.YES_NO, _("Was the Alliance in from the outset?"), "people", weight=0),
        Field("covid_relevance", Type.CHOICE, _("COVID-19"), "people", choices=CovidRelevance, weight=0),
        Field(
            "cost_amount",
            Type.NUMBER,
            _("Cost"),
            "money",
            weight=2,
            unlocks=_("It is shown to cities that look at what they can pay."),
            synonyms=("cost", "budget", "costo"),
        ),
        Field(
            "cost_currency",
            Type.CURRENCY,
            _("Currency"),
            "money",
            weight=0,
            synonyms=("currency", "moneda"),
            help=_("Three letters, such as EUR or COP."),
        ),
        Field(
            "lessons",
            Type.TEXT,
            _("Lessons"),
            "lessons",
            weight=2,
            unlocks=_("It is part of what the Alliance writes about lessons learned."),
            parts=(
                Field("advice", Type.TEXT, _("Advice"), "lessons", required=True, maximum_length=2_000),
                Field("context", Type.TEXT, _("In which circumstances"), "lessons", maximum_length=1_000),
                Field("cause", Type.TEXT, _("Because of what"), "lessons", maximum_length=1_000),
                Field("effect", Type.TEXT, _("What came of it"), "lessons", maximum_length=1_000),
                Field("confidence", Type.CHOICE, _("How sure you are"), "lessons", choices=Confidence),
            ),
            synonyms=("lesson", "lecciones"),
        ),
    ),
)

RESULT = Form(
    pages=(
        Page("measure", _("What changed"), _("The indicator, and its value before and after.")),
        Page("comparison", _("How it was measured"), _("It decides how sure others can be.")),
        Page("consequences", _("What else happened"), _("Side effects, cost, and how the pilot went on.")),
    ),
    fields=(
        Field(
            "use_case",
            Type.USE_CASE,
            _("Use case"),
            "measure",
            required=True,
            maximum_length=200,
            synonyms=("use case slug", "usecase_slug", "project", "caso de uso"),
        ),
        Field(
            "kpi",
            Type.KPI,
            _("Indicator"),
            "measure",
            required=True,
            maximum_length=200,
            help=_("In your own words, or by its code in U4SSC, ISO 37120 and others."),
            synonyms=("kpi_code", "indicator", "kpi code", "indicador"),
        ),
        Field("baseline_value", Type.NUMBER, _("Before"), "measure", synonyms=("baseline", "before", "antes")),
        Field("baseline_on", Type.DATE, _("Measured on (before)"), "measure", synonyms=("baseline date",)),
        Field("result_value", Type.NUMBER, _("After"), "measure", synonyms=("result", "after", "value", "después")),
        Field(
            "result_on",
            Type.DATE,
            _("Measured on (after)"),
            "measure",
            synonyms=("result date", "date", "measured_year", "year"),
        ),
        Field("unit", Type.UNIT, _("Unit"), "measure", maximum_length=60, synonyms=("units", "unidad")),
        Field(
            "relative_change_percent",
            Type.PERCENT,
            _("Or only the change, in percent"),
            "measure",
            help=_("A minus sign for less than before."),
            weight=0,
            synonyms=("change", "change %", "cambio"),
        ),
        Field(
            "comparison",
            Type.CHOICE,
            _("How it was compared"),
            "comparison",
            required=True,
            choices=ComparisonDesign,
            synonyms=("method", "design", "comparison design"),
        ),
        Field(
            "sample_n",
            Type.COUNT,
            _("How many were measured"),
            "comparison",
            weight=2,
            unlocks=_("Its weight in the synthesis can be computed instead of assumed."),
            synonyms=("n", "sample", "sample_size", "sample size"),
        ),
        Field(
            "spread",
            Type.NUMBER,
            _("Spread"),
            "comparison",
            weight=2,
            unlocks=_("An interval can be drawn around it."),
            synonyms=("sd", "standard deviation"),
        ),
        Field("spread_kind", Type.CHOICE, _("Which spread"), "comparison", choices=Spread, weight=0),
        Field(
            "spread_unknown", Type.CHOICE, _("Or why it is not known"), "comparison", choices=SpreadUnknown, weight=0
        ),
        Field(
            "data_quality",
            Type.CHOICE,
            _("Where the figures come from"),
            "comparison",
            required=True,
            choices=DataQuality,
            synonyms=("quality", "quality code"),
        ),
        Field(
            "source",
            Type.SOURCE,
            _("Where one can read it"),
            "comparison",
            help=_("An address, or a report by title and year; or attach it below."),
            unlocks=_("It reaches the level “evidence attached”."),
            weight=2,
            synonyms=("link", "url", "evidence"),
        ),
        Field("side_effects", Type.CHOICE, _("Side effects"), "consequences", required=True, choices=SideEffects),
        Field("side_effects_note", Type.TEXT, _("Which"), "consequences", maximum_length=2_000, weight=0),
        Field(
            "cost_amount",
            Type.NUMBER,
            _("What it cost"),
            "consequences",
            unlocks=_("The cost of the effect can be told."),
            synonyms=("cost", "costo"),
        ),
        Field("cost_currency", Type.CURRENCY, _("Currency"), "consequences", weight=0, synonyms=("currency",)),
        Field("outcome", Type.CHOICE, _("How the pilot went on"), "consequences", choices=Outcome),
        Field(
            "note",
            Type.TEXT,
            _("Anything else"),
            "consequences",
            maximum_length=2_000,
            weight=0,
            synonyms=("notes", "comment", "remarks"),
        ),
    ),
)

FORMS: dict[str, Form] = {"use-case": USE_CASE, "result": RESULT}
