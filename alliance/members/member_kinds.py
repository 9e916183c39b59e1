"""What membership means for each of the nine kinds of member, and what each kind is asked when it applies."""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from alliance.members.models import OrganisationKind

Words = str | Promise

ORGANISATION_NAME = _("Name of the organisation")
TEXT, NUMBER, CHOICE = "text", "number", "choice"


@dataclass(frozen=True)
class Question:
    """A question of one kind. Its answer is stored under `name`; `choices` are pairs of code and words."""

    name: str
    label: Words
    help: Words = ""
    form: str = TEXT
    required: bool = True
    choices: tuple[tuple[str, Words], ...] = ()


@dataclass(frozen=True)
class MemberKind:
    """A kind of member: its code, what it brings, what it gets, and its own questions.

    `is_person`: it joins as a person; `name_label` asks for the name of the organisation.
    """

    code: str
    apply: Words
    brings: Words
    gets: Words
    questions: tuple[Question, ...]
    name_label: Words = ORGANISATION_NAME
    is_person: bool = False

    @property
    def label(self) -> Words:
        return OrganisationKind(self.code).label


KINDS: dict[str, MemberKind] = {
    kind.code: kind
    for kind in (
        MemberKind(
            OrganisationKind.MUNICIPALITY,
            _("Join as a municipality"),
            _("Reports what its pilots measured, also those that failed, and answers the questions of other cities."),
            _("Sees where its results stand among comparable cities, and whom to ask before it buys."),
            (
                Question(
                    "population", _("How many people live in the municipality?"), _("About, as a whole number."), NUMBER
                ),
                Question(
                    "departments",
                    _("Which departments would take part?"),
                    _("For example transport, water, procurement. One person is enough to begin with."),
                    required=False,
                ),
            ),
            name_label=_("Name of the municipality"),
        ),
        MemberKind(
            OrganisationKind.LARGE_CORPORATION,
            _("Join as a large corporation"),
            _("Reports what its products did, with the city beside it, and says which standards they follow."),
            _("Learns which standards cities ask for, and where independent results support its products."),
            (
                Question(
                    "products",
                    _("Which of your products do cities use, and where?"),
                    _("Cities that you name here may be asked."),
                ),
                Question(
                    "business_with_members",
                    _("Which members of the Alliance do you sell to or compete with?"),
                    _("It becomes a declared interest: you do not review what they report."),
                    required=False,
                ),
            ),
        ),
        MemberKind(
            OrganisationKind.SMALL_CORPORATION,
            _("Join as a small corporation"),
            _("Reports what its products did, with the city beside it, and says which standards they follow."),
            _("Is found by what was measured, not by the size of its marketing."),
            (
                Question(
                    "products",
                    _("Which of your products do cities use, and where?"),
                    _("Write “none yet” if that is so: it is no reason against you."),
                ),
                Question("employees", _("How many people work for you?"), form=NUMBER, required=False),
            ),
        ),
        MemberKind(
            OrganisationKind.ACADEMIA,
            _("Join as a university or research institute"),
            _("Brings studies with a comparison, and reviews how others measured."),
            _("Gets all data with its sources, and cities that are willing to be compared."),
            (
                Question("groups", _("Which groups or institutes work on cities?")),
                Question(
                    "studies",
                    _("Which of your studies measured something in a city?"),
                    _("Titles or links, one a line."),
                    required=False,
                ),
            ),
        ),
        MemberKind(
            OrganisationKind.GOVERNMENT_AGENCY,
            _("Join as a government agency"),
            _("Brings the results of its programmes, and the rules that cities have to follow."),
            _("Sees what its cities measured, and what to ask for in the next programme."),
            (
                Question("remit", _("What are you responsible for, and for which area?")),
                Question(
                    "programmes",
                    _("Which programmes for cities do you run or fund?"),
                    _("Cities that you fund become a declared interest."),
                    required=False,
                ),
            ),
        ),
        MemberKind(
            OrganisationKind.STANDARDS_BODY,
            _("Join as a standards body"),
            _("Keeps the record of its standards right, and takes up what cities are missing."),
            _("Sees which of its standards are really used, and what stands in the way."),
            (
                Question(
                    "programme",
                    _("What is in your programme of work for cities?"),
                    _("Committees, standards in preparation, dates as far as they are public."),
                ),
                Question(
                    "reading",
                    _("Who can read your standards?"),
                    form=CHOICE,
                    choices=(
                        ("free", _("Everybody, without payment")),
                        ("some", _("Some are free of charge")),
                        ("paid", _("Who buys them")),
                        ("members", _("Our members")),
                    ),
                ),
            ),
        ),
        MemberKind(
            OrganisationKind.FINANCIAL_INSTITUTION,
            _("Join as a financial institution"),
            _("Brings what it asks of the projects that it pays for, and what came of them."),
            _("Sees how sure the results are that projects are built on."),
            (
                Question("instruments", _("What do you offer to cities: loans, grants, guarantees, shares?")),
                Question(
                    "conditions",
                    _("Which measured results do you ask for?"),
                    _("Indicators or standards that a project must report."),
                    required=False,
                ),
            ),
        ),
        MemberKind(
            OrganisationKind.COMMUNITY_GROUP,
            _("Join as a community group"),
            _("Says what changed for the people who live there, and what nobody else reports."),
            _("Sees what was tried elsewhere, and asks the city that did it."),
            (
                Question(
                    "work",
                    _("What does your group do, and where?"),
                    _("No registration is needed: a group of neighbours is welcome."),
                ),
                Question("people", _("How many people take part, about?"), form=NUMBER, required=False),
            ),
            name_label=_("Name of the group"),
        ),
        MemberKind(
            OrganisationKind.INDIVIDUAL,
            _("Join as an individual"),
            _("Reviews, translates, or reports what an organisation of its own does not."),
            _("Takes part under its own name, without an organisation."),
            (
                Question("work", _("What do you do, and what would you like to do here?")),
                Question(
                    "employer",
                    _("For whom do you work, or have you worked in the last three years?"),
                    _("It becomes a declared interest: you do not review what they report."),
                    required=False,
                ),
            ),
            is_person=True,
        ),
    )
}


def answers(kind: str, details: dict[str, str]) -> list[tuple[Words, Words]]:
    """What an application answered, as pairs of question and answer; what was left open is not named."""
    found: list[tuple[Words, Words]] = []
    for question in KINDS[kind].questions:
        if value := details.get(question.name):
            found.append((question.label, dict(question.choices).get(value, value)))
    return found
