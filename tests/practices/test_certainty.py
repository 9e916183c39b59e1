"""A grade is the sum of its lines, and each line does what the rule says."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from practices.certainty import Certainty, Fact, grade
from practices.certainty_words import LINE_SENTENCES, line_sentence, line_sentences
from practices.rules import rule
from practices.synthesis import Effect, pool, sensitivity
from tests.usecases import recipes as use_case_recipes

RULE = rule("2026-1").sections["certainty"]
REGIONS = ["Europe", "Northern America", "Sub-Saharan Africa"]


def facts(count=8, **told):
    return [
        Fact(city=n, design=4, estimate=0.1 if n else 0.0, region=REGIONS[n % 3], years=(2024,), **told)
        for n in range(count)
    ]


def effects(count=8, estimate=0.2, **told):
    return [Effect(estimate, 0.01, city=n, result=n, results=(n,), **told) for n in range(count)]


def graded(facts_, effects_, **told):
    return grade(facts_, pool(effects_), RULE, year=2026, **told)


def sentences(outcome):
    return [line.sentence for line in outcome.lines]


def test_controlled_consistent_evidence_is_high():
    outcome = graded(facts(), effects())
    assert outcome.certainty is Certainty.HIGH
    assert sentences(outcome) == ["start-4"]


@pytest.mark.parametrize(("design", "certainty"), [(4, 4), (3, 3), (2, 2), (1, 1)])
def test_designs_say_where_it_starts(design, certainty):
    outcome = graded([fact._replace(design=design) for fact in facts()], effects())
    assert outcome.certainty == certainty


LOWERED = {
    "age-old": lambda: graded([fact._replace(years=(2010,)) for fact in facts()], effects()),
    "age-unknown": lambda: graded([fact._replace(years=()) for fact in facts()], effects()),
    "indirectness-one-region": lambda: graded([fact._replace(region="Europe") for fact in facts()], effects()),
    "domination-reporter": lambda: graded(facts(reporters={"Acme": 1}), effects()),
    "domination-supplier": lambda: graded(facts(suppliers=("Acme",)), effects()),
    "domination-city": lambda: graded(facts(), [replace(e, variance=1e-4 if not e.city else 0.01) for e in effects()]),
    "missing-negative": lambda: graded([fact._replace(estimate=0.1) for fact in facts()], effects()),
    "challenges-open": lambda: graded(facts(), effects(), open_challenges=1),
    "imprecision-few-cities": lambda: graded(facts(4), effects(4)),
    "imprecision-wide": lambda: graded(facts(), [replace(e, estimate=9.0, variance=4.0) for e in effects()]),
    "imprecision-crosses-zero": lambda: graded(facts(), effects(estimate=0.0)),
    "imputed-stable": lambda: graded(facts(), effects(imputed=1.0)),
    "imputed-unstable": lambda: graded(
        facts(),
        effects(estimate=0.09, imputed=1.0),
        verdicts=[
            (one.result.is_better, one.result.is_worse)
            for one in sensitivity(effects(estimate=0.09, imputed=1.0), correlation=0.8)
        ],
    ),
    "inconsistency-heterogeneous": lambda: graded(
        facts(), [replace(e, estimate=1.0 + (e.city % 2)) for e in effects()]
    ),
    "inconsistency-contradicting": lambda: graded(
        facts(), [replace(e, estimate=-0.1 if e.city < 3 else 0.2) for e in effects()]
    ),
}


@pytest.mark.parametrize("sentence", LOWERED)
def test_each_doubt_lowers(sentence):
    outcome = LOWERED[sentence]()
    (line,) = [line for line in outcome.lines if line.sentence == sentence]
    assert line.points < 0
    assert line_sentence(line.sentence, line.inputs)


def test_large_effects_and_independent_checks_raise():
    weak = [fact._replace(design=2, verified=1) for fact in facts()]
    outcome = graded(weak, effects(estimate=1.5))
    assert sentences(outcome) == ["start-2", "large-effect", "verified"]
    assert outcome.points == 3.5
    assert outcome.certainty is Certainty.MODERATE  # a half is rounded downwards


def test_a_large_effect_does_not_raise_what_is_inconsistent():
    far_apart = [replace(e, estimate=2.0 + (e.city % 2)) for e in effects()]
    assert "large-effect" not in sentences(graded(facts(), far_apart))


def test_confirmed_harm_caps_at_low():
    outcome = graded(facts(), effects(), harm_confirmed=True)
    assert outcome.certainty is Certainty.LOW
    assert outcome.lines[-1].sentence == "caps-harm"


def test_statements_alone_stay_very_low():
    stated = [fact._replace(design=1, verified=1) for fact in facts()]
    assert graded(stated, effects(estimate=1.5)).certainty is Certainty.VERY_LOW


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_cities_are_very_low(count):
    outcome = graded(facts(count), effects(count))
    assert outcome.certainty is Certainty.VERY_LOW
    assert outcome.points == sum(line.points for line in outcome.lines)


@given(
    told=st.lists(
        st.builds(
            Fact,
            city=st.integers(0, 9),
            design=st.integers(1, 4),
            estimate=st.floats(-2, 2),
            region=st.sampled_from(["", *REGIONS]),
            results=st.just(1),
            reporters=st.sampled_from([{}, {"Acme": 1}, {"Foo": 1}]),
            suppliers=st.sampled_from([(), ("Acme",), ("Acme", "Bar")]),
            years=st.lists(st.integers(1990, 2026), max_size=1),
            verified=st.integers(0, 1),
        ),
        max_size=20,
    ),
    imputed=st.sampled_from([0.0, 1.0]),
    challenges=st.integers(0, 5),
    harm=st.booleans(),
)
def test_lines_add_up_to_the_points_and_every_line_has_its_sentence(told, imputed, challenges, harm):
    by_city = {fact.city: Effect(fact.estimate, 0.05, imputed=imputed, city=fact.city) for fact in told}
    outcome = graded(told, by_city.values(), open_challenges=challenges, harm_confirmed=harm)
    assert sum(line.points for line in outcome.lines) == outcome.points
    assert 1 <= outcome.points <= 4
    assert outcome.points - 0.5 <= outcome.certainty <= outcome.points + 0.5
    for line in outcome.lines:
        assert line.points
        assert "%(" not in line_sentence(line.sentence, line.inputs)


def test_no_sentence_is_left_without_a_line():
    told = {"start-4", "start-3", "start-2", "start-1", "bounds-lowest", "bounds-highest", "large-effect", "verified"}
    assert set(LINE_SENTENCES) == told | set(LOWERED) | {"caps-cities", "caps-stated", "caps-harm"}


def test_fifty_glowing_results_of_one_organisation_do_not_raise_the_grade():
    """They are of one city, so they are one effect, and the reporter then dominates the results."""
    before = graded([fact._replace(design=2) for fact in facts()], effects())
    new = Fact(city="new", design=2, estimate=3.0, region="Europe", reporters={"Acme": 1}, years=(2026,))
    flood = [new] * 50
    after = graded([fact._replace(design=2) for fact in facts()] + flood, [*effects(), Effect(3.0, 0.09, city="new")])
    assert after.certainty <= before.certainty


def test_results_of_a_use_case_count_as_they_would_one_by_one():
    kinds = [
        Fact(
            city=n,
            design=2 + n % 2,
            estimate=0.1,
            region="Europe",
            reporters={"Acme": 1},
            years=(2000 + n,),
            verified=1,
        )
        for n in range(5)
    ]
    single = [one for one in kinds for _ in range(3)]
    together = [one._replace(results=3, reporters={"Acme": 3}, years=one.years * 3, verified=3) for one in kinds]
    assert graded(together, effects(5)) == graded(single, effects(5))


@pytest.mark.django_db
def test_lines_name_places_and_organisations_instead_of_their_slugs():
    city = use_case_recipes.city(name="São Tomé", slug="sao-tome-st")
    share = {"share": 0.9}
    told = line_sentences(
        [
            {"sentence": "indirectness-one-region", "inputs": {"regions": ["northern-america"]}},
            {"sentence": "domination-city", "inputs": {"name": city.slug, **share}},
            {"sentence": "domination-supplier", "inputs": {"name": "nobody-knows", **share}},
        ]
    )
    assert told == [
        "All results come from one region of the world: Northern America.",
        "One city has 90% of the weight: São Tomé.",
        "One supplier took part in 90% of the weight: nobody-knows.",
    ]
