"""Processes are known by number and start, never by number alone."""

import json
import os
import signal
import sys

import pytest

from alliance.local import interruption
from alliance.local.processes import (
    LOG_LIMIT_BYTES,
    MARK,
    ManagedProcess,
    last_lines,
    marked,
    recorded,
    rotate,
    say_exit,
    spawn,
    started_at,
    write_record,
)

ENVIRONMENT = {"PATH": os.environ["PATH"]}


def test_a_number_that_now_belongs_to_another_process_is_left_alone(sleeper, tmp_path):
    stranger = sleeper()
    record = tmp_path / "web.json"
    write_record(record, ManagedProcess("web", stranger.pid, "boot/12345", 8000))
    assert recorded(record) is None
    ManagedProcess("web", stranger.pid, "boot/12345").stop(((signal.SIGKILL, 1.0),))
    assert stranger.poll() is None


def test_a_recorded_process_is_found_by_a_later_command_and_stopped(sleeper, tmp_path):
    child = sleeper()
    record = tmp_path / "web.json"
    write_record(record, ManagedProcess("web", child.pid, started_at(child.pid), 8000))
    found = recorded(record)
    assert (found.name, found.pid, found.port) == ("web", child.pid, 8000)
    found.stop()
    assert child.wait(timeout=5) == -signal.SIGTERM
    assert not record.exists()


def test_a_copied_checkout_does_not_take_the_originals_processes_for_its_own(sleeper, tmp_path):
    child = sleeper()
    record, copy = tmp_path / "web.json", tmp_path / "copy.json"
    write_record(record, ManagedProcess("web", child.pid, started_at(child.pid)))
    copy.write_text(record.read_text())
    assert recorded(record) is not None
    assert recorded(copy) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": "x", "started": 1, "port": null, "place": ""}'])
def test_a_damaged_record_is_no_process(tmp_path, text):
    record = tmp_path / "web.json"
    record.write_text(text)
    assert recorded(record) is None
    if text.startswith('{"pid"'):
        record.write_text(json.dumps(json.loads(text) | {"place": str(record)}))
        assert recorded(record) is None


def test_what_is_dead_but_not_yet_buried_is_dead(sleeper):
    child = sleeper("true")
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert started_at(child.pid) is None


def test_who_ignores_the_polite_signal_is_killed_with_its_children(tmp_path):
    stubborn = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "child = subprocess.Popen(['sleep', '60']); print(child.pid, flush=True); time.sleep(60)"
    )
    log = tmp_path / "log"
    process = spawn("worker", [sys.executable, "-c", stubborn], log=log, environment=ENVIRONMENT)
    assert interruption.until(lambda: bool(last_lines(log)), seconds=10)
    grandchild = int(last_lines(log)[0])
    assert started_at(grandchild)
    process.stop(((signal.SIGTERM, 0.3), (signal.SIGKILL, 5.0)))
    assert process.exit_code == -signal.SIGKILL
    assert interruption.until(lambda: started_at(grandchild) is None, seconds=5)


def test_processes_of_a_killed_supervisor_are_found_by_their_mark(sleeper, tmp_path):
    ours = sleeper(env=ENVIRONMENT | {MARK: str(tmp_path)})
    sleeper(env=ENVIRONMENT | {MARK: f"{tmp_path}/other"})
    assert [process.pid for process in marked(str(tmp_path))] == [ours.pid]


def test_secrets_go_through_standard_input_and_output_goes_to_the_log(tmp_path):
    log = tmp_path / "log"
    process = spawn("cat", ["cat"], log=log, environment=ENVIRONMENT, standard_input=b"port 1\n")
    process.child.wait(timeout=5)
    assert last_lines(log) == ["port 1"]


def test_a_log_is_rotated_when_it_is_long(tmp_path):
    log = tmp_path / "web.log"
    log.write_bytes(b"x" * (LOG_LIMIT_BYTES + 1))
    rotate(log)
    assert not log.exists()
    assert (tmp_path / "web.log.1").exists()
    rotate(log)


def test_how_a_process_ended_is_told_in_words():
    assert say_exit(3) == "exit code 3"
    assert say_exit(-9) == "killed by SIGKILL"
    assert say_exit(None) == "gone"
