"""Ready documents are byte for byte what the serializers say, before the worker has looked and after."""

import random
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from alliance.events import upkeep
from alliance.events.documents import kinds
from alliance.events.states import current_state
from alliance.members.models import Organisation
from kpis.models import Kpi, Result
from standards.models import Body, Edition, Standard
from tests.events.documents_cases import assert_right, assert_stored, followed, small_world
from tests.kpis import recipes as kpi_recipes
from tests.standards import recipes as standard_recipes
from tests.usecases import recipes
from usecases.models import City, Country, Lesson, Participation, Region, StandardUse, Technology, UseCase

#: What makes JSON, CSV and spreadsheets trip.
TEXTS = [
    "plain",
    'say "so"',
    "back\\slash / slash",
    "line\nbreak\r\nand\ttab",
    "bell\x07 and escape\x1b and delete\x7f",
    "\u2028 separators \u2029",
    "=SUM(A1:A9)",
    "-2.5",
    "+1",
    "-2,5 percent",
    "@home",
    "\tstarts with a tab",
    "comma, and; more",
    "tram 🚋 and 👩‍🔧",
    "مدينة ذكية، تجربة",
    "e\u0301 combining, ﬁ ligature, \u00a0 space",
    "<script>alert('&amp;')</script>",
    " spaces around ",
    "null",
    "true",
    "0",
    "\ufffd replacement, \ufeff mark",
    "x" * 3_000,
]


def test_every_document_of_the_real_data_is_what_its_serializer_says(reference_data):
    for kind in kinds.values():
        assert kind.model._base_manager.exists(), kind.name
    assert_right()


@pytest.mark.django_db(transaction=True)
def test_every_stored_document_of_the_real_data_is_what_its_serializer_says():
    call_command("load_reference_data", verbosity=0)
    followed()
    assert_stored()
    assert_right()


class Editor:
    """Makes random changes, such that each is allowed by the rules of the database."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.number = 0

    def text(self, longest: int = 200) -> str:
        self.number += 1
        return f"{self.random.choice(TEXTS)}"[: longest - 12]

    def unique(self, longest: int) -> str:
        return f"{self.text(longest - 8)} {self.number}"

    def optional(self, value: str) -> str:
        return self.random.choice(["", value])

    def one(self, model):
        keys = list(model._base_manager.order_by("pk").values_list("pk", flat=True))
        return model._base_manager.get(pk=self.random.choice(keys))

    def decimal(self, places: int, digits: int) -> Decimal:
        return Decimal(self.random.randrange(-(10**digits), 10**digits)).scaleb(-places)

    # --- changes
    def rename_case(self):
        UseCase.objects.filter(pk=self.one(UseCase).pk).update(
            title=self.text(), problem=self.text(), solution=self.text(), source=self.text()
        )

    def change_case(self):
        amount = self.random.choice([None, Decimal(0), Decimal("0.10"), Decimal("12500000.00"), Decimal("3.50")])
        start = self.random.choice([None, 1999, 2024])
        UseCase.objects.filter(pk=self.one(UseCase).pk).update(
            cost_amount=amount,
            cost_currency="" if amount is None else "EUR",
            started_year=start,
            ended_year=None if start is None else self.random.choice([None, start + 1]),
            city_from_outset=self.random.choice([None, True, False]),
            alliance_from_outset=self.random.choice([None, True, False]),
            latitude=self.random.choice([Decimal(0), Decimal("-0.00001"), Decimal("51.5"), self.decimal(5, 6)]),
            longitude=self.random.choice([Decimal(-180), Decimal("0.12345"), Decimal(7), self.decimal(5, 6)]),
            stage=self.random.choice(["pilot", "scaled"]),
            covid_relevance=self.random.choice(["direct", "none"]),
            completeness=self.random.choice([None, 0, 100]),
            is_minimal=self.random.choice([True, False]),
            reported_by=self.random.choice([None, self.one(Organisation)]),
        )

    def change_status(self):
        case = self.one(UseCase)
        status = self.random.choice(["published", "withdrawn", "draft"])
        when = None if status == "draft" else case.created_at.replace(microsecond=self.random.choice([0, 1, 120_000]))
        UseCase.objects.filter(pk=case.pk).update(status=status, published_at=when)

    def move_case(self):
        UseCase.objects.filter(pk=self.one(UseCase).pk).update(city=self.one(City), vertical=self.one(UseCase).vertical)

    def change_city(self):
        City.objects.filter(pk=self.one(City).pk).update(
            name=self.unique(120),
            population=self.random.choice([None, 0, 49_999, 50_000, 12_000_000]),
            country=self.one(Country),
            latitude=self.decimal(5, 6),
        )

    def change_place(self):
        Country.objects.filter(pk=self.one(Country).pk).update(name=self.text(80), region=self.one(Region))
        Region.objects.filter(pk=self.one(Region).pk).update(name=self.unique(80))

    def change_technology(self):
        row = self.one(Technology)
        row.name = self.unique(120)
        row.save()
        self.one(UseCase).technologies.set([row, self.one(Technology)])

    def change_standard(self):
        Standard.objects.filter(pk=self.one(Standard).pk).update(
            designation=self.unique(80),
            title=self.text(),
            body=self.one(Body),
            verticals=self.random.choice([[], ["mobility"], ["water", "energy"]]),
            aspects=self.random.choice([[], ["privacy", "security"]]),
            summary=self.optional(self.text()),
            access=self.random.choice(["", "free", "paid"]),
            ipr_terms=self.random.choice(["", "frand"]),
        )
        Body.objects.filter(pk=self.one(Body).pk).update(name=self.unique(120))

    def change_edition(self):
        edition = self.one(Edition)
        Edition.objects.filter(pk=edition.pk).update(
            designation=self.unique(100),
            year=self.random.choice([1999, 2020, 2026]),
            status=self.random.choice(["draft", "published", "withdrawn"]),
            standard=self.one(Standard) if not edition.uses.exists() else edition.standard,
            supersedes=self.random.choice([None, Edition.objects.exclude(pk=edition.pk).first()]),
            supersedes_designation=self.optional(self.text(100)),
            url=self.random.choice(["", "https://example.org/?a=1&b=2"]),
        )

    def change_use_of_standard(self):
        standard = self.one(Standard)
        case = self.one(UseCase)
        case.standard_uses.filter(standard=standard).delete()
        StandardUse.objects.create(
            use_case=case,
            standard=standard,
            edition=self.random.choice([None, standard.editions.first()]),
            state=self.random.choice(["used", "planned"]),
            problems_met=self.optional(self.text()),
        )
        if moved := StandardUse.objects.exclude(use_case=case).exclude(standard=standard).first():
            free = UseCase.objects.exclude(standard_uses__standard=moved.standard).first()
            if free is not None:
                StandardUse.objects.filter(pk=moved.pk).update(use_case=free)

    def change_organisation(self):
        Organisation.objects.filter(pk=self.one(Organisation).pk).update(
            name=self.unique(200),
            kind=self.random.choice(["", "academia"]),
            url=self.random.choice(["", "https://example.org/ü?q=%20"]),
        )
        part = self.one(Participation)
        taken = part.use_case.participations.values("organisation")
        if free := Organisation.objects.exclude(pk__in=taken).first():
            Participation.objects.filter(pk=part.pk).update(organisation=free, position=self.random.randrange(5))

    def change_lesson(self):
        case = self.one(UseCase)
        Lesson.objects.create(use_case=case, position=self.number, advice=self.text(), context=self.text())
        if self.random.random() < 0.3:
            case.lessons.first().delete()

    def change_kpi(self):
        Kpi.objects.filter(pk=self.one(Kpi).pk).update(
            name=self.text(),
            definition=self.text(),
            direction=self.random.choice(["increase", "decrease", "none"]),
            vertical=self.one(UseCase).vertical,
            sub_dimension=self.optional(self.text(80)),
        )

    def change_result(self):
        values = self.random.choice(
            [
                {"baseline_value": None, "result_value": None, "relative_change_percent": self.decimal(4, 7)},
                {"baseline_value": Decimal(3), "result_value": Decimal("1.000001"), "relative_change_percent": None},
                {"baseline_value": Decimal(0), "result_value": Decimal("1E+3"), "relative_change_percent": None},
                {"baseline_value": Decimal("1E-6"), "result_value": self.decimal(6, 9), "relative_change_percent": 0},
            ]
        )
        Result.objects.filter(pk=self.one(Result).pk).update(
            **values,
            unit="minute",
            method=self.random.choice(["before-after", "control-group", "survey"]),
            state=self.random.choice(["accepted", "accepted", "draft", "withdrawn"]),
            sample_size=self.optional(self.text()),
            note=self.optional(self.text()),
            measured_year=self.random.choice([None, 2001]),
            kpi=self.one(Kpi),
            use_case=self.one(UseCase),
            superseded_by=None,
        )

    def tell_more_of_result(self):
        """What members are asked beside the values."""
        amount = self.random.choice([None, Decimal(0), Decimal("12500000.10")])
        spread = self.random.choice([None, Decimal("0.000001"), Decimal(12)])
        Result.objects.filter(pk=self.one(Result).pk).update(
            baseline_on=self.random.choice(["", "2020", "2020-02-29"]),
            result_on=self.random.choice(["", "2024-12"]),
            comparison=self.random.choice(["", "randomised", "none"]),
            sample_n=self.random.choice([None, 0, 10**12]),
            spread=spread,
            spread_kind="" if spread is None else "sd",
            spread_unknown=self.random.choice(["", "not-told"]) if spread is None else "",
            side_effects=self.random.choice(["", "seen"]),
            side_effects_note=self.optional(self.text()),
            cost_amount=amount,
            cost_currency="" if amount is None else "COP",
            outcome=self.random.choice(["", "failed"]),
            answers=[{"answer": self.text(), "question": self.text()} for _n in range(self.random.randrange(3))],
        )

    def supersede_result(self):
        old = self.one(Result)
        new = Result.objects.exclude(pk=old.pk).exclude(superseded_by=old).order_by("pk").last()
        if new is not None:
            Result.objects.filter(pk=old.pk).update(state="superseded", superseded_by=new)

    def add(self):
        place = self.one(City)
        case = recipes.use_case(city=place, technologies=[self.unique(100)], lessons=[self.text()])
        kpi_recipes.result(use_case=case, kpi=self.one(Kpi))
        standard_recipes.standard(body=self.one(Body))

    def remove(self):
        case = self.one(UseCase)
        Result.objects.filter(superseded_by__use_case=case).update(state="withdrawn", superseded_by=None)
        case.delete()
        if lonely := Technology.objects.filter(use_cases=None).first():
            lonely.delete()

    def change(self) -> None:
        """One random change."""
        kinds_of_change = ("rename", "change", "move", "add", "remove", "tell", "supersede")
        changes = [name for name in vars(Editor) if name.split("_")[0] in kinds_of_change]
        changes.remove("change")
        getattr(self, self.random.choice(changes))()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", range(8))
def test_after_random_changes_readers_get_what_the_serializers_say(seed):
    """Before the worker has looked, in the middle, and afterwards."""
    small_world()
    followed()
    editor = Editor(seed)
    for _round in range(3):
        for _change in range(6):
            editor.change()
        assert_right()
        assert followed() > 0
        assert_stored()
        assert_right()
    assert upkeep.examine().is_clean


def test_the_state_is_one_query(db, reference_data):
    with CaptureQueriesContext(
        connection,
    ) as queries:
        current_state()
    assert len(queries) == 1
