"""Tasks in processes of their own: how many, in what order, what they tell, and how they may end."""
import os
import signal
import time
from pathlib import Path

import chores
import pytest

from reprise.core.errors import InputError
from reprise.lab import workers
from reprise.lab.workers import Task

pytestmark = pytest.mark.timeout(60)


def run_tasks(tasks, jobs):
    return workers.run_tasks(tasks, jobs, preload=("reprise.lab.workers", "pytest"))


def values(events, kind="done"):
    return {event.task.key: event.value for event in events if event.kind == kind}


def doubles(count):
    return [Task(i, chores.double, (i,)) for i in range(count)]


def test_every_task_is_done():
    tasks = doubles(5)
    events = list(run_tasks(tasks, 2))
    assert values(events) == {i: 2 * i for i in range(5)}
    assert len(events) == 5 and all(event.task is tasks[event.task.key] for event in events)


def test_one_at_a_time_is_in_order():
    assert [event.task.key for event in run_tasks(doubles(4), 1)] == [0, 1, 2, 3]


def test_no_tasks_no_events():
    assert list(run_tasks([], 2)) == []


@pytest.mark.parametrize("jobs", [0, -1])
def test_somebody_has_to_work(jobs):
    with pytest.raises(InputError, match=f"expected 1 job or more at a time, got {jobs}"):
        list(run_tasks(doubles(1), jobs))


def test_each_has_a_process_of_its_own():
    found = values(run_tasks([Task(i, chores.process) for i in range(3)], 2))
    assert len({*found.values(), os.getpid()}) == 4


def test_as_many_at_once_as_asked(tmp_path):
    """Each of two waits for the other, so one at a time would never end."""
    names = [("a", "b"), ("b", "a")]
    assert values(run_tasks([Task(own, chores.wait_for, (str(tmp_path), own, other)) for own, other in names], 2))


@pytest.mark.parametrize("jobs", [1, 2])
def test_never_more_than_asked(jobs):
    spans = values(run_tasks([Task(i, chores.time_of, (0.1,)) for i in range(4)], jobs)).values()
    assert max(sum(began <= at < ended for began, ended in spans) for at, _ in spans) <= jobs


def test_reports_come_before_the_end_and_in_order():
    events = list(run_tasks([Task("one", chores.count, (5,))], 1))
    assert [(e.kind, e.value) for e in events] == [*(("report", {"step": i}) for i in range(5)), ("done", "counted")]


def test_an_error_is_told_with_its_place_and_the_others_go_on():
    events = list(run_tasks([Task("bad", chores.fail), *doubles(2)], 1))
    assert [(e.task.key, e.kind) for e in events] == [("bad", "report"), ("bad", "failed"), (0, "done"), (1, "done")]
    lines = Path(chores.__file__).read_text().splitlines()
    (line,) = (i for i, line in enumerate(lines, 1) if "raise ValueError" in line)
    assert events[1].value == f"ValueError: the seventh seal (chores.py:{line})"


@pytest.mark.parametrize(("sign", "why"), [(signal.SIGKILL, "killed by signal 9 (out of memory?)"),
                                           (signal.SIGTERM, "killed by signal 15")])
def test_a_killed_task_dies_alone(sign, why):
    events = list(run_tasks([Task("bad", chores.die, (sign,)), *doubles(3)], 2))
    assert values(events, "failed") == {"bad": why}
    assert values(events) == {0: 0, 1: 2, 2: 4}


def test_ctrl_c_is_for_whoever_asked(capfd):
    """It reaches every process of a terminal; whoever asked ends the others, which say nothing."""
    assert values(run_tasks([Task("one", chores.be_interrupted)], 1)) == {"one": "went on"}
    assert capfd.readouterr() == ("", "")


def test_killed_in_the_midst_of_a_message():
    events = list(run_tasks([Task("bad", chores.die_halfway_through_a_message), *doubles(2)], 1))
    assert values(events, "failed") == {"bad": "killed by signal 9 (out of memory?)"}
    assert values(events) == {0: 0, 1: 2}


@pytest.mark.parametrize("code", [0, 3])
def test_leaving_early_is_a_failure(code):
    assert values(run_tasks([Task("bad", chores.leave, (code,))], 1), "failed") == {"bad": f"ended with code {code}"}


def test_what_cannot_be_sent_is_a_failure():
    (event,) = run_tasks([Task("bad", chores.give_what_cannot_be_sent)], 1)
    assert event.kind == "failed" and "pickle" in event.value


def gone(pid):
    """Whether a process has ended; one that nobody has waited for yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks processes up in /proc")
@pytest.mark.parametrize("end", ["close", "error"])
def test_closing_kills_what_runs(tmp_path, end):
    events = run_tasks([Task(i, chores.sleep_for_ever, (str(tmp_path),)) for i in range(3)], 2)
    assert [next(events).value, next(events).value] == ["asleep", "asleep"]
    running = [int(path.name) for path in tmp_path.iterdir()]
    assert len(running) == 2 and not any(map(gone, running))
    if end == "close":
        events.close()
    else:
        with pytest.raises(KeyboardInterrupt):
            events.throw(KeyboardInterrupt())
    deadline = time.monotonic() + 5
    while not all(map(gone, running)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert all(map(gone, running))
    assert len(list(tmp_path.iterdir())) == 2, "the third never began"


def test_tasks_are_asked_for_when_there_is_room():
    asked, done = [], []

    def source():
        for task in doubles(4):
            asked.append((task.key, list(done)))
            yield task

    for event in run_tasks(source(), 1):
        done.append(event.task.key)
    assert asked == [(0, []), (1, [0]), (2, [0, 1]), (3, [0, 1, 2])], "a task may depend on all events before it"


def test_an_error_of_the_source_kills_what_runs(tmp_path):
    def source():
        yield Task("runs", chores.sleep_for_ever, (str(tmp_path),))
        while not list(tmp_path.iterdir()):
            time.sleep(0.01)
        raise RuntimeError("no more tasks can be made")

    with pytest.raises(RuntimeError, match="no more tasks"):
        list(run_tasks(source(), 2))
    (running,) = (int(path.name) for path in tmp_path.iterdir())
    assert gone(running)
