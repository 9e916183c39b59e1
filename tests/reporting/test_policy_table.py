"""Who may do what with a report in which state: one table, tried at every door.

A door is a service, a page, or an address of the API. What is not in the table must leave no trace.
"""

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from alliance.members.models import Interest, Membership, Organisation, Role, User
from reporting import merging, policies, reviewing, services
from reporting.models import Comment, Move, Report
from reporting.states import State
from tests.reporting import recipes
from tests.reporting.states import put

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("reference_data")]

# --- who -------------------------------------------------------------------------------------------------------------
OWNER, CONTRIBUTOR, READER = "owner", "contributor", "reader"
STRANGER, OTHER_MEMBER, FORMER, ANONYMOUS, CHAIR = "stranger", "other member", "former member", "anonymous", "chair"
EDITOR = "editor"
#: Editors who must keep out: what ties them.
BOUND = {
    "editor of the organisation": "belongs to it",
    "editor of a partner": "belongs to one that takes part",
    "editor with an interest": "has declared an interest in it",
    "editor with an interest in a partner": "has declared an interest in one that takes part",
    "editor of a supplier": "belongs to one that has declared an interest in it",
    "editor of a customer": "belongs to one in which it has declared an interest",
}
ROLES = (ANONYMOUS, STRANGER, OTHER_MEMBER, FORMER, CHAIR, READER, CONTRIBUTOR, OWNER, EDITOR, *BOUND)

# --- what ------------------------------------------------------------------------------------------------------------
EVER = frozenset(State)
REVIEWED = EVER - {State.DRAFT, State.WITHDRAWN}
WRITERS = frozenset({CONTRIBUTOR, OWNER, "editor of the organisation"})


@dataclass(frozen=True)
class Rule:
    """Who may do something, and in which states."""

    roles: frozenset[str]
    states: frozenset[str]


TABLE: dict[str, list[Rule]] = {
    "see": [
        Rule(WRITERS | {READER}, EVER),
        Rule(frozenset({EDITOR, *BOUND}), REVIEWED),
    ],
    "edit": [Rule(WRITERS, frozenset({State.DRAFT, State.CHANGES_REQUESTED}))],
    "submit": [Rule(WRITERS, frozenset({State.DRAFT, State.CHANGES_REQUESTED}))],
    "withdraw": [Rule(WRITERS, frozenset({State.DRAFT, State.SUBMITTED, State.CHANGES_REQUESTED}))],
    "take up again": [Rule(WRITERS, frozenset({State.WITHDRAWN}))],
    "comment": [Rule(WRITERS | {EDITOR}, REVIEWED)],
    "assign": [Rule(frozenset({EDITOR}), REVIEWED)],
    "request-changes": [Rule(frozenset({EDITOR}), frozenset({State.SUBMITTED}))],
    "accept": [Rule(frozenset({EDITOR}), frozenset({State.SUBMITTED}))],
    "reject": [Rule(frozenset({EDITOR}), frozenset({State.SUBMITTED, State.CHANGES_REQUESTED}))],
    "retract": [Rule(frozenset({EDITOR}), frozenset({State.ACCEPTED}))],
}
DECISIONS = ("request-changes", "accept", "reject", "retract")


def is_allowed(role: str, action: str, state: str) -> bool:
    return any(role in rule.roles and state in rule.states for rule in TABLE[action])


# --- the world -------------------------------------------------------------------------------------------------------
def organisation(name: str) -> Organisation:
    return Organisation.objects.create(name=name, slug=name.lower().replace(" ", "-"), member_since="2020-01-01")


def somebody(name: str, place: Organisation | None = None, role: str = Role.CONTRIBUTOR, **fields) -> User:
    user = User.objects.create(email=f"{name.replace(' ', '.')}@example.org", name=name, **fields)
    if place is not None:
        Membership.objects.create(user=user, organisation=place, role=role)
    return user


def make(role: str, own: Organisation, partner: Organisation) -> User | AnonymousUser:
    """A person in a role towards the organisation that reports."""
    match role:
        case "anonymous":
            return AnonymousUser()
        case "owner" | "contributor" | "reader":
            return somebody(role, own, role)
        case "other member":
            return somebody(role, organisation("Another"), Role.OWNER)
        case "former member":
            user = somebody(role, own, Role.OWNER)
            Membership.objects.filter(user=user).update(ended_at=timezone.now())
            return user
        case "chair":
            return somebody(role, is_superuser=True)
        case "editor of the organisation":
            return somebody(role, own, is_staff=True)
        case "editor of a partner":
            return somebody(role, partner, Role.READER, is_staff=True)
        case "editor with an interest" | "editor with an interest in a partner":
            user = somebody(role, is_staff=True)
            about = own if role == "editor with an interest" else partner
            Interest.objects.create(user=user, kind="employed-by", about=about)
            return user
        case "editor of a supplier":
            theirs = organisation("Supplier")
            Interest.objects.create(organisation=theirs, kind="vendor-of", about=own)
            return somebody(role, theirs, is_staff=True)
        case "editor of a customer":
            theirs = organisation("Customer")
            Interest.objects.create(organisation=own, kind="vendor-of", about=theirs)
            return somebody(role, theirs, is_staff=True)
        case "editor":
            return somebody(role, organisation("Nothing to do with it"), is_staff=True)
    return somebody(role)


@pytest.fixture
def own(db) -> Organisation:
    return organisation("Reporting City")


@pytest.fixture
def partner(db) -> Organisation:
    return organisation("Partner")


@pytest.fixture
def report(own, partner) -> Report:
    author = somebody("author", own)
    entries = {**recipes.USE_CASE, "organisations": [{"organisation": partner.name, "role": "supplier"}]}
    report = services.start_report(kind="use-case", organisation=own, actor=author, entries=entries)
    return services.submit_report(report=report, actor=author, version=report.version)


def trace(report: Report) -> tuple:
    """All that an action could change."""
    now = Report.objects.get(pk=report.pk)
    return (
        *(now.state, json.dumps(now.entries, sort_keys=True), now.assigned_to_id, now.use_case_id),
        Comment.objects.filter(report=report).count(),
        Move.objects.filter(report=report).count(),
    )


# --- doors: each tells whether it let somebody in --------------------------------------------------------------------
def by_service(user: User, report: Report, action: str) -> bool:
    common = {"report": report, "actor": user}
    versioned = {**common, "version": report.version}
    actions: dict[str, Callable[[], object]] = {
        "edit": lambda: services.save_entries(**versioned, entries={"title": "Changed by the table"}),
        "submit": lambda: services.submit_report(**versioned),
        "withdraw": lambda: services.withdraw_report(**common),
        "take up again": lambda: services.take_up_again(**common),
        "comment": lambda: reviewing.comment(**common, text="Said by the table", field="title"),
        "assign": lambda: reviewing.assign_report(**common, editor=user),
        "request-changes": lambda: reviewing.request_changes(**versioned, text="Please."),
        "accept": lambda: reviewing.accept_report(**versioned),
        "reject": lambda: reviewing.reject_report(**versioned, reason="Because."),
        "retract": lambda: reviewing.retract_report(**versioned, reason="Because."),
    }
    if action == "see":
        return policies.may_see(user, report)
    before = trace(report)
    with suppress(PermissionDenied, ValidationError, services.MoveRefusedError), transaction.atomic():
        actions[action]()
    return trace(report) != before


def by_page(user: User, report: Report, action: str) -> bool:
    client = signed_in(user)
    is_editor = (
        user.is_authenticated and user.is_staff and not report.organisation.memberships.filter(user=user).exists()
    )
    key, version = [report.key], report.version
    if action == "see":
        name = "review:report" if is_editor else "reporting:report"
        return client.get(reverse(name, args=key)).status_code == 200
    before = trace(report)
    seen = json.dumps(merging.seen(merging.texts_of(report)))
    match action:
        case "edit":
            sent = {"title": "Changed by the table", "seen": seen, "version": version, "action": "save"}
            answer = client.post(reverse("reporting:page", args=[report.key, "basics"]), sent)
        case "submit":
            sent = {"version": version, "seen": seen, "action": "submit"}
            answer = client.post(reverse("reporting:submit", args=key), sent)
        case "withdraw" | "take up again":
            sent = {"action": "again" if action == "take up again" else "withdraw", "reason": ""}
            answer = client.post(reverse("reporting:close", args=key), sent)
        case "comment" if is_editor:
            answer = client.post(reverse("review:dialogue", args=key), {"remark.title": "Said by the table"})
        case "comment":
            answer = client.post(reverse("reporting:replies", args=key), {"text": "Said by the table"})
        case "assign":
            answer = client.post(reverse("review:assign", args=key), {"editor": user.pk or 0})
        case _:
            sent = {"decision": action, "version": version, "text": "Because."}
            answer = client.post(reverse("review:report", args=key), sent)
    assert answer.status_code < 500
    return trace(report) != before


def by_api(user: User, report: Report, action: str) -> bool:
    client = signed_in(user)
    address = reverse("api:report-detail", args=[report.key])
    held = {"headers": {"If-Match": "*"}, "content_type": "application/json"}
    if action == "see":
        return client.get(address).status_code == 200
    before = trace(report)
    match action:
        case "edit":
            answer = client.patch(address, {"title": "Changed by the table"}, **held)
        case "submit":
            answer = client.patch(address, {"submit": True}, **held)
        case "withdraw":
            answer = client.delete(address)
    assert answer.status_code < 500
    return trace(report) != before


def signed_in(user: User | AnonymousUser) -> Client:
    client = Client()
    if user.is_authenticated:
        client.force_login(user)
    return client


#: The API is the member's door: editors decide on pages alone.
AT_API = ("see", "edit", "submit", "withdraw")
DOORS = [
    *((by_service, action) for action in TABLE),
    *((by_page, action) for action in TABLE),
    *((by_api, action) for action in AT_API),
]


def expected(door: Callable, role: str, action: str, states: Iterable[str]) -> set[str]:
    found = {state for state in states if is_allowed(role, action, state)}
    # The API gives reports to their own organisation alone, whoever else may see them.
    return found if door is not by_api or role in WRITERS | {READER} else set()


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(("door", "action"), DOORS, ids=[f"{door.__name__}-{action}" for door, action in DOORS])
def test_the_table_holds(door, action, role, own, partner, report):
    user = make(role, own, partner)
    let_in = set()
    for state in State:
        undo = transaction.savepoint()
        try:
            if door(user, put(report, state), action):
                let_in.add(state)
        finally:
            transaction.savepoint_rollback(undo)
    assert let_in == expected(door, role, action, State)


@pytest.mark.parametrize("role", ROLES)
def test_the_page_offers_what_the_table_allows(role, own, partner, report):
    """And tells those who must keep out why."""
    user = make(role, own, partner)
    answer = signed_in(user).get(reverse("review:report", args=[report.key]))
    if role != EDITOR and role not in BOUND:
        assert answer.status_code == 403
        return
    page = answer.content.decode()
    assert {one for one in DECISIONS if f'value="{one}"' in page} == {
        one for one in DECISIONS if is_allowed(role, one, State.SUBMITTED)
    }
    assert ("You cannot review this report" in page) == (role in BOUND)
