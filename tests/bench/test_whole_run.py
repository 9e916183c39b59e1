"""`./portal bench` makes its data, measures every operation beside its limit, and says what it found."""

import pytest

from bench.command import parser
from bench.groups import GROUPS
from bench.operations import Row
from bench.run import verdict
from tests.bench.conftest import SCALE, Run, bench

pytestmark = pytest.mark.services


def test_every_operation_is_measured(whole_run):
    assert whole_run.code == 0, whole_run.err
    rows = whole_run.json["rows"]
    assert {row["operation"]: row["note"] for row in rows if row["value"] is None} == {}
    assert {row["group"] for row in rows} == set(GROUPS)
    assert all(row["value"] > 0 for row in rows if row["unit"] in ("times", "ms"))


def test_the_table_names_goal_and_verdict_of_each(whole_run):
    for row in whole_run.json["rows"]:
        (line,) = [line for line in whole_run.out.splitlines() if line.startswith(f"{row['operation']}  ")]
        if row["goal"] is not None:
            assert line.endswith("yes" if row["is_reached"] else "NO")


def test_the_json_says_where_and_how_it_was_measured(whole_run):
    told = whole_run.json
    assert told["scale"] == float(SCALE)
    assert told["rounds"] == 1
    assert told["rows_of"]["use_cases"] == 200
    assert all(told[name] for name in ("date", "processor", "cores", "memory", "postgresql", "python", "load"))
    clients = {(one["measure"], one["clients"]) for one in told["measures"]}
    assert {("page", 1), ("page", 16), ("live", 1), ("live", 16), ("naive", 16)} <= clients


def test_a_second_run_finds_its_data_and_needs_no_group_but_those_asked_for(whole_run, tmp_path):
    path = tmp_path / "second.json"
    second = Run(bench("--rounds", "1", "--only", "memory", "--check", "--output", str(path)), path)
    assert second.code == 0, second.err
    assert "texts of 200 use cases" in whole_run.out
    assert "texts of" not in second.out
    assert "ready documents" not in second.out
    assert [row["group"] for row in second.json["rows"]] == ["memory"]


def test_a_missed_goal_ends_a_check_with_code_1():
    reached, missed = Row("page", "a", 1.5, 1.6), Row("page", "b", 1.5, 1.4)
    slow, quick = Row("page", "c", 50, 51, at_least=False), Row("page", "d", 50, 50, at_least=False)
    unmeasured, without_goal = Row("page", "e", 1.5, None), Row("page", "f", None, 0.1)
    assert verdict([reached, quick, without_goal], check=True) == 0
    for row in (missed, slow, unmeasured):
        assert verdict([reached, row], check=True) == 1
        assert verdict([reached, row], check=False) == 0


@pytest.mark.parametrize("wrong", [["--scale", "0"], ["--scale", "nan"], ["--rounds", "0"], ["--only", "pages"]])
def test_a_wrong_command_line_is_refused(wrong, capsys):
    with pytest.raises(SystemExit) as refused:
        parser().parse_args(wrong)
    assert refused.value.code == 2
    assert wrong[0] in capsys.readouterr().err
