"""The least that is valid; a test states what matters to it."""

from datetime import date
from itertools import count
from typing import Any

from alliance.members.models import Membership, Organisation, Role, User
from kpis.models import Kpi, Result, Verification
from reporting import checking, services
from reporting.models import Kind, Registration, Report, VerificationCheck
from usecases.models import City, Vertical

_number = count(1)

#: Entries against which nothing is said, with the data of `data/`.
USE_CASE = {
    "title": "Bins that say when they are full",
    "city": "Medellin",
    "vertical": "waste",
    "stage": "pilot",
    "started_year": "2021",
    "problem": "Bins overflowed at weekends, and half empty ones were emptied.",
    "solution": "Sensors tell how full a bin is, and the rounds follow.",
    "technologies": "level sensors; route planning",
    "role": "lead",
    "source": "https://example.org/bins",
}
RESULT = {
    "use_case": "surtrac-pittsburgh",
    "kpi": "ALL-PRK-SEARCH",
    "baseline_value": "11.5",
    "baseline_on": "2021-05",
    "result_value": "6.5",
    "result_on": "2022-05-31",
    "unit": "minute",
    "comparison": "matched-comparison",
    "sample_n": "250",
    "spread": "2.1",
    "spread_kind": "sd",
    "data_quality": "measured",
    "source": "https://example.org/parking",
    "side_effects": "none-found",
}
VALID = {Kind.USE_CASE: USE_CASE, Kind.RESULT: RESULT}


def organisation(**fields: Any) -> Organisation:
    """A member of the Alliance."""
    n = next(_number)
    values = {"name": f"City of Testing {n}", "slug": f"testing-{n}", "member_since": "2020-01-01"}
    return Organisation.objects.create(**values | fields)


def member(*, organisation: Organisation | None = None, role: str = Role.CONTRIBUTOR, **fields: Any) -> User:
    """Somebody who reports for an organisation: for one of its own when none is given."""
    n = next(_number)
    values = {"email": f"member-{n}@example.org", "name": f"Member {n}"} | fields
    user = User.objects.create_user(**values)
    place = organisation or Organisation.objects.create(
        name=f"City of Member {n}", slug=f"city-of-member-{n}", member_since="2020-01-01"
    )
    Membership.objects.create(user=user, organisation=place, role=role)
    return user


def editor(**fields: Any) -> User:
    """Somebody who reviews, without an organisation."""
    n = next(_number)
    values = {"email": f"editor-{n}@example.org", "name": f"Editor {n}", "is_staff": True} | fields
    return User.objects.create_user(password="long enough for a test", **values)


def submitted(report: Report, *, answer: str = "") -> Report:
    """The report, sent; every question about it is answered so."""
    assert report.author is not None
    found = checking.check(report.kind, report.entries, organisation=report.organisation, report=report)
    answers = {one.key: answer for one in found.warnings} if answer else {}
    report = services.save_entries(
        report=report, actor=report.author, version=report.version, entries={}, answers=answers
    )
    return services.submit_report(report=report, actor=report.author, version=report.version)


def organisation_of(user: User) -> Organisation:
    return Organisation.objects.of(user).get()


def use_case_report(*, author: User | None = None, submit: bool = False, **entries: Any) -> Report:
    """A draft of a use case with all that is needed; submitted where asked."""
    return _report(Kind.USE_CASE, author, submit, entries)


def result_report(*, author: User | None = None, submit: bool = False, **entries: Any) -> Report:
    """A draft of a result with all that is needed; submitted where asked."""
    return _report(Kind.RESULT, author, submit, entries)


def _report(kind: Kind, author: User | None, submit: bool, entries: dict[str, Any]) -> Report:
    author = author or member()
    organisation = Organisation.objects.of(author, Role.OWNER, Role.CONTRIBUTOR).first()
    assert organisation is not None
    report = services.start_report(
        kind=kind, organisation=organisation, actor=author, entries={**VALID[kind], **entries}
    )
    if submit:
        report = services.submit_report(report=report, actor=author, version=report.version)
    return report


def promise(*, author: User, **fields: Any) -> Registration:
    """What a pilot of the author's organisation will change, not sealed yet."""
    values = {
        "organisation": organisation_of(author),
        "author": author,
        "title": "Prices that follow demand",
        "city": City.objects.first(),
        "vertical": Vertical.objects.first(),
        "kpi": Kpi.objects.first(),
        "unit": "minute",
        "expected_change_percent": -30,
        "comparison": "Two districts without it",
        "stop_rule": "When shops close",
        "starts_on": date(2099, 1, 1),
        "due_on": date(2099, 12, 31),
    }
    return Registration.objects.create(**values | fields)


def check(result: Result, *, checker: User) -> VerificationCheck:
    """A peer's check, on record without having been made."""
    return VerificationCheck.objects.create(
        result=result,
        level=Verification.PEER_CHECKED,
        checker=checker,
        organisation=organisation_of(checker),
        what="The table against the export.",
        checked_on=date(2026, 1, 2),
    )
