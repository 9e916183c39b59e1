"""Whatever happens to the records, following the log leaves the same bytes as computing everything anew."""

import random
from contextlib import suppress

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from alliance.members.models import Organisation
from kpis.models import Kpi, KpiLink, Result
from practices import upkeep
from practices.models import EffectSize, Evidence, Implementation, Part, Practice, UsualEffect
from tests.events.documents_cases import settle
from tests.kpis import recipes as kpi_recipes
from tests.practices import recipes
from tests.usecases import recipes as use_case_recipes
from usecases.models import City, Country, Participation, Region, UseCase

pytestmark = pytest.mark.django_db(transaction=True)

_PART = [field.attname for field in Part._meta.concrete_fields if field.name != "id"]


def stored() -> dict[str, list]:
    """Everything that is kept, as text: bytes count."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT practice_id, rule_version, inputs_hash, body::text, candidate::text "
            "FROM practices_evidence ORDER BY practice_id"
        )
        evidence = cursor.fetchall()
    return {
        "evidence": evidence,
        "parts": [repr(row) for row in Part.objects.order_by("use_case_id", "kpi_id").values_list(*_PART)],
        "sizes": list(EffectSize.objects.order_by("pk").values_list()),
        "usual": list(UsualEffect.objects.order_by("pk").values_list()),
    }


def assert_following_is_computing_anew() -> None:
    before = stored()
    report = upkeep.rebuild(check=True)
    assert report.is_clean, report.sentences()
    for model in (Evidence, Part, EffectSize, UsualEffect):
        model.objects.all().delete()
    upkeep.rebuild()
    assert stored() == before


class World:
    """Records to which random things happen."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        ways = ("decrease", "decrease", "decrease", "increase", "none")
        self.kpis = [kpi_recipes.kpi(direction=way, unit="minute") for way in ways]
        self.practices = [recipes.practice(primary_kpi=kpi) for kpi in (self.kpis[0], self.kpis[1], self.kpis[3])]
        cities = [use_case_recipes.city() for _ in range(5)]
        self.cases = [use_case_recipes.use_case(city=cities[n % 5]) for n in range(8)]
        self.firm = Organisation.objects.create(slug=f"firm-{seed}", name="Firm", kind="large-corporation")
        self.region = Region.objects.create(slug=f"r{seed}", name="Region")
        for _ in range(20):
            self.add()
        for practice in self.practices:
            for case in self.chance.sample(self.cases, 6):
                Implementation.objects.create(practice=practice, use_case=case, reason="It does this.")

    def add(self) -> None:
        pick = self.chance.choice
        baseline, value = pick([None, 0, -3, 5, 7]), pick([None, 0, 7, 3, "-2.5"])
        kpi_recipes.result(
            kpi=pick(self.kpis),
            use_case=pick(self.cases),
            state=pick(["accepted", "accepted", "draft"]),
            baseline_value=baseline,
            result_value=value,
            relative_change_percent=pick([None, -100, -20, "33.25"]) if value is not None else -5,
            unit="minute" if (baseline, value) != (None, None) else "",
            method=pick(["control group", "before-after", "model"]),
            measured_year=pick([None, 1999, 2024]),
            reported_by=pick([None, None, self.firm]),
        )

    def step(self) -> None:
        pick = self.chance.choice
        kpis = Kpi.objects.filter(pk=pick(self.kpis).pk)
        case = UseCase.objects.filter(pk=pick(self.cases).pk)
        result = Result.objects.filter(pk=pick(list(Result.objects.values_list("pk", flat=True))))
        match self.chance.randrange(13):
            case 0 | 1 | 2:
                self.add()
            case 3:
                result.update(state=pick(["accepted", "withdrawn", "draft"]))
            case 4:
                result.filter(reported_by=None).update(kpi=pick(self.kpis), use_case=pick(self.cases))
            case 5:
                case.update(status=pick(["withdrawn", "published"]))
            case 6:
                kpis.update(direction=pick(["increase", "decrease", "none"]))
            case 7:
                one, other = self.chance.sample(self.kpis[:3], 2)
                KpiLink.objects.create(
                    kpi=one,
                    other=other,
                    relation="exact",
                    reason="Same.",
                    said_by="Editors",
                    source="https://x.example",
                )
            case 8:
                KpiLink.objects.all().delete()
            case 9:
                Country.objects.filter(pk=pick(City.objects.all()).country_id).update(region=self.region)
                City.objects.filter(pk=case.get().city_id).update(population=pick([None, 10_000, 2_000_000]))
            case 10:
                Implementation.objects.filter(
                    pk=pick(list(Implementation.objects.values_list("pk", flat=True)))
                ).delete()
            case 11:
                Practice.objects.filter(pk=pick(self.practices).pk).update(primary_kpi=pick(self.kpis))
            case 12:
                Participation.objects.create(use_case=case.get(), organisation=self.firm, position=99)


@pytest.mark.parametrize("seed", range(4))
def test_after_any_history(seed):
    world = World(seed)
    for _round in range(3):
        for _step in range(world.chance.randrange(2, 9)):
            with suppress(IntegrityError), transaction.atomic():
                world.step()
        settle()
        upkeep.follow()
    assert Part.objects.exists()
    assert_following_is_computing_anew()


def test_a_new_result_remakes_the_sums_of_its_use_case_alone():
    practice = recipes.practice([-10, -20, -30, -40])
    settle()
    upkeep.follow()
    before = dict(Part.objects.values_list("use_case_id", "pk"))
    case = practice.implementations.first().use_case
    kpi_recipes.result(kpi=practice.primary_kpi, use_case=case, relative_change_percent=-60)
    settle()
    upkeep.follow()
    after = dict(Part.objects.values_list("use_case_id", "pk"))
    assert {key for key in after if after[key] != before[key]} == {case.pk}
    assert Part.objects.get(use_case_id=case.pk).results == 2
    assert_following_is_computing_anew()


def test_an_update_asks_as_many_questions_however_many_results_there_are():
    counts = []
    practice = recipes.practice([-10, -20, -30])
    for more in (0, 30):
        for n in range(more):
            recipes.measure(practice, -10 - n)
        settle()
        upkeep.follow()
        recipes.measure(practice, -15)
        settle()
        with CaptureQueriesContext(connection) as asked:
            upkeep.follow()
        counts.append(len(asked))
    assert counts[1] <= counts[0]


def test_what_no_reader_has_seen_yet_is_not_reported_as_differing():
    practice = recipes.practice([-10, -20, -30])
    settle()
    upkeep.follow()
    result = Result.objects.filter(kpi=practice.primary_kpi).first()
    other = recipes.practice([-10, -20, -30])
    settle()
    upkeep.follow()
    Evidence.objects.filter(practice=other).update(inputs_hash="typed in")
    real = upkeep._catch_up

    def catch_up() -> int:
        done = real()
        # Committed after the reader has looked.
        Result.objects.filter(pk=result.pk).update(relative_change_percent=-70)
        return done

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(upkeep, "_catch_up", catch_up)
        report = upkeep.rebuild(check=True)
    assert report.differing == [other.slug], "what was typed in is found, what is unread is not"
    assert report.differing_sums == 0
