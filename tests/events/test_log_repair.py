"""What can go wrong with the log and the documents: detected, said in words, repaired, and found no more."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import F

from alliance.events import ledger, upkeep
from alliance.events.documents import kinds
from alliance.events.models import Change, Cursor, Run, RunState, StaleDocument
from alliance.events.states import READER, current_state
from tests.events.documents_cases import assert_right, assert_stored, followed, settle, small_world
from tests.usecases import recipes
from usecases.models import UseCase

pytestmark = pytest.mark.django_db(transaction=True)

FAR_AWAY = 10**12


@pytest.fixture
def world(transactional_db):
    """A few records, all documents ready."""
    small_world()
    followed()


def sql(statement: str, *parameters: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def assert_repaired(*, found: list[str]) -> None:
    """An examination says what is wrong, a rebuild says it too and repairs it, the next examination is clean.

    Args: found: how the sentences begin, in their order.
    """
    report = upkeep.examine()
    assert not report.is_clean
    assert_begins(report.sentences(), found)
    settle()
    assert_begins(upkeep.rebuild().sentences(), found)
    settle()
    report = upkeep.examine()
    assert report.is_clean, report.sentences()
    assert_right()
    assert_stored()
    UseCase.objects.update(title=F("title"), problem="After the repair")
    assert_right()
    assert followed() > 0
    assert_stored()
    assert upkeep.examine().is_clean


def assert_begins(sentences: list[str], found: list[str]) -> None:
    assert len(sentences) == len(found), sentences
    for sentence, beginning in zip(sentences, found, strict=True):
        assert sentence.startswith(beginning), sentence


def test_nothing_is_found_after_a_normal_run_and_nothing_is_written(world):
    UseCase.objects.update(title="Other")
    followed()

    def all_rows() -> list[object]:
        models = (Change, Cursor, StaleDocument, Run, *(kind.document for kind in kinds.values()))
        return [list(model._base_manager.order_by("pk").values()) for model in models]

    before = all_rows()
    report = upkeep.examine()
    assert report.is_clean
    assert report.sentences() == [f"{report.compared} documents compared: none differed."]
    assert report.compared == sum(kind.model._base_manager.count() for kind in kinds.values())
    assert all_rows() == before


def test_what_is_known_to_be_stale_is_no_fault(world):
    UseCase.objects.update(title="Other")
    assert upkeep.examine().is_clean
    assert upkeep.rebuild().is_clean


def test_an_examination_beside_writers_finds_nothing(world, monkeypatch):
    """A write between the two statements of a comparison is no difference."""
    state = current_state()
    monkeypatch.setattr("alliance.events.making.current_state", lambda: state)
    UseCase.objects.update(title="Other")
    assert upkeep.examine().is_clean


def test_a_hole_in_the_log(world):
    Change.objects.filter(pk=Change.objects.order_by("pk")[3].pk).delete()
    assert_repaired(found=["The log has a hole:"])


def test_an_entry_that_took_the_place_of_another(world):
    Change.objects.filter(pk=Change.objects.order_by("pk")[3].pk).delete()
    Change.objects.create(
        position=-1, transaction=1, table="usecases_usecase", record_id=1, operation="U", actor="?", request=""
    )
    assert_repaired(found=["The log holds other entries than those that were read"])


def test_entries_that_were_slipped_in_behind_the_reader(world):
    Change.objects.create(transaction=1, table="usecases_usecase", record_id=1, operation="U", actor="?", request="")
    assert_repaired(found=["The log holds"])


def test_a_reader_ahead_of_the_log(world):
    """Entries were lost after they were read, and with them what came between: no document is trusted."""
    case = UseCase.objects.first()
    UseCase.objects.filter(pk=case.pk).update(title="Unread")
    Cursor.objects.update(position=F("position") + 1_000, transaction=Change.objects.order_by("-pk")[0].transaction)
    report = upkeep.examine()
    assert report.sentences()[0].startswith("The reader of the log stands ahead of its end")
    assert case.pk in report.differing["use-cases"]
    settle()
    assert not upkeep.rebuild().is_clean
    settle()
    assert upkeep.examine().is_clean
    assert_stored()
    UseCase.objects.filter(pk=case.pk).update(title="Read again")
    assert_right()
    assert followed() > 0
    assert_stored()


def test_a_restored_backup(world):
    """The log names transactions of another server, far ahead of this one's: new entries would sort before them."""
    Change.objects.update(transaction=F("transaction") + FAR_AWAY)
    Cursor.objects.update(transaction=F("transaction") + FAR_AWAY)
    UseCase.objects.update(title="After the restore")
    assert_right()
    report = upkeep.examine()
    assert any("another database server" in sentence for sentence in report.sentences())
    settle()
    upkeep.rebuild()
    settle()
    assert upkeep.examine().is_clean
    assert_stored()
    UseCase.objects.update(title="Later")
    assert_right()
    assert followed() > 0
    assert_stored()


def test_a_restored_backup_mends_itself_when_the_worker_looks(world):
    Change.objects.update(transaction=F("transaction") + FAR_AWAY)
    Cursor.objects.update(transaction=F("transaction") + FAR_AWAY)
    UseCase.objects.update(title="After the restore")
    settle()
    assert upkeep.follow() > 0
    assert_stored()
    settle()
    assert upkeep.examine().is_clean


def test_a_backup_whose_log_ends_ahead_of_its_reader(world):
    """The reader's own place looks right, but entries that it has not read lie in the future."""
    UseCase.objects.update(title="Unread")
    last = Change.objects.order_by("-pk").first()
    Change.objects.filter(pk=last.pk).update(transaction=FAR_AWAY)
    assert_right()
    assert any("another database server" in sentence for sentence in ledger.faults())
    settle()
    upkeep.follow()
    assert ledger.faults() == []
    assert_stored()


def test_a_trigger_that_was_switched_off(world):
    sql("ALTER TABLE usecases_usecase DISABLE TRIGGER events_log_update")
    UseCase.objects.filter(pk=UseCase.objects.first().pk).update(problem="Nobody was told.")
    assert_repaired(
        found=[
            "The log misses changes: these triggers are off or gone: usecases_usecase: update.",
            "1 document of use-cases differed from the records:",
        ]
    )


def test_a_trigger_that_is_gone(world):
    sql("DROP TRIGGER events_log_insert ON usecases_usecase")
    recipes.use_case(title="Nobody was told.")
    report = upkeep.examine()
    assert "usecases_usecase: insert" in report.sentences()[0]
    settle()
    upkeep.rebuild()
    settle()
    assert upkeep.examine().is_clean
    assert_stored()


def test_documents_of_yesterdays_software(world):
    reader = Cursor.objects.get(reader=READER)
    reader.schemas["cities"] = "yesterday"
    reader.save()
    kinds["cities"].document.objects.update(body='{"of": "yesterday"}')
    assert_right()
    assert_repaired(found=["The documents of cities are of another version of the software"])


def test_a_tampered_document(world):
    document = kinds["use-cases"].document.objects.first()
    kinds["use-cases"].document.objects.filter(pk=document.pk).update(body="{}")
    assert_repaired(found=[f"1 document of use-cases differed from the records: {document.pk}."])


def test_documents_that_are_gone_or_of_nobody(world):
    table = kinds["use-cases"].document
    gone = table.objects.first()
    table.objects.filter(pk=gone.pk).delete()
    table.objects.filter(pk=table.objects.first().pk).update(id=999_999)
    other = table.objects.order_by("pk").first()
    assert other is not None
    report = upkeep.examine()
    assert gone.pk in report.differing["use-cases"]
    assert 999_999 in report.differing["use-cases"]
    assert len(report.differing["use-cases"]) == 3
    settle()
    assert upkeep.rebuild().differing == report.differing
    settle()
    assert upkeep.examine().is_clean
    assert_stored()


def test_a_rebuild_that_is_killed_leaves_readers_right(world, monkeypatch):
    monkeypatch.setattr(upkeep, "DOCUMENTS_AT_ONCE", 2)
    Cursor.objects.update(position=F("position") + 1_000)
    UseCase.objects.update(title="Unread")
    make_span, calls = upkeep.make_span, []

    def dying(*arguments):
        calls.append(arguments)
        if len(calls) == 4:
            raise SystemExit("killed")
        make_span(*arguments)

    monkeypatch.setattr(upkeep, "make_span", dying)
    settle()
    with pytest.raises(SystemExit):
        upkeep.rebuild()
    monkeypatch.undo()
    assert_right()
    followed()
    assert_stored()


# --- the command -----------------------------------------------------------------------------------------------------
def test_the_command_says_that_nothing_differed(world, capsys):
    call_command("rebuild_documents")
    assert capsys.readouterr().out == f"{_count()} documents compared: none differed.\n"
    call_command("rebuild_documents", "--check")
    assert capsys.readouterr().out == f"{_count()} documents compared: none differed.\n"
    runs = list(Run.objects.order_by("pk").values_list("task", "state"))
    assert runs == [("rebuild_documents", RunState.DONE), ("examine_documents", RunState.DONE)]


def test_the_command_says_what_differed_and_repairs_it(world, capsys):
    document = kinds["standards"].document.objects.first()
    kinds["standards"].document.objects.filter(pk=document.pk).update(csv="")
    sentence = f"1 document of standards differed from the records: {document.pk}.\n"
    with pytest.raises(SystemExit) as stopped:
        call_command("rebuild_documents", "--check")
    assert stopped.value.code == 1
    told = capsys.readouterr()
    assert told.out == sentence
    assert told.err == "Run rebuild_documents to repair this.\n"
    call_command("rebuild_documents")
    assert capsys.readouterr().out == f"{sentence}All of this is repaired.\n"
    call_command("rebuild_documents", "--check", verbosity=0)
    assert capsys.readouterr().out == ""


def _count() -> int:
    return sum(kind.model._base_manager.count() for kind in kinds.values())
