"""`reprise anomalies` of a log: what a model of events did not expect, from the folder that `compare` saved."""
import csv
import io
import json

import numpy as np
import pytest

from reprise.app.cli import main
from reprise.app.comparison.contest import Entry, Recipe
from reprise.app.comparison.events import EventLogs
from reprise.app.report.kinds.events import use

ROUND = ("open", "read", "write", "close")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Cases that always take the same round, semicolons between columns, and a model that has learnt it."""
    folder = tmp_path_factory.mktemp("shop")
    log(folder / "normal.csv", [ROUND * 2 for _ in range(40)])
    reading = (("activity", "what"), ("case", "who"), ("delimiter", ";"))
    contest = EventLogs((str(folder / "normal.csv"),), length=16, reading=reading)
    entry = Entry("gru", Recipe(width=16, depth=1, channel=None, batch=8, rate=1e-2), 0)
    run = contest.run(entry, 60)
    for record in run:
        if record.step == 60:
            break
    contest.save(entry, run.model.eval(), folder / "model")
    return folder


def log(path, cases):
    rows = [f"{case};{place:02d}:00;{what}" for case, events in enumerate(cases) for place, what in enumerate(events)]
    path.write_text("\n".join(["who;minute;what", *rows]) + "\n")


@pytest.fixture
def run(capsys):
    def command(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        return ended.value.code, *capsys.readouterr()
    return command


COLUMNS = "--case", "who", "--activity", "what", "--delimiter", ";"


def test_what_is_odd_is_found(shop, run, tmp_path):
    strange = (*ROUND, "open", "write", "read", "close"), ROUND * 2, (*ROUND, "open", "steal"), (*ROUND, "open")
    log(tmp_path / "odd.csv", [ROUND * 2, *strange])
    code, out, err = run("anomalies", shop / "model", tmp_path / "odd.csv", *COLUMNS, "--threshold", 3)
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0 and " events and ends of cases have a score of 3 or more" in err
    first = {case: row for row in reversed(rows) for case in [row["case"]]}
    assert set(first) == {"1", "3", "4"}
    assert [(first[case]["place"], first[case]["event"], first[case]["expected"]) for case in "134"] == [
        ("6", "write", "read"), ("6", "steal", "read"), ("6", "<end>", "read")]


def test_what_training_never_saw_is_odd_whatever_its_score(shop, run, tmp_path):
    log(tmp_path / "new.csv", [(*ROUND, "open", "steal", "write", "close")])
    code, out, _ = run("anomalies", shop / "model", tmp_path / "new.csv", *COLUMNS, "--threshold", 50)
    assert code == 0 and [row["event"] for row in csv.DictReader(io.StringIO(out))] == ["steal"]


def test_all_are_scored(shop, run, tmp_path):
    code, _, err = run("anomalies", shop / "model", shop / "normal.csv", *COLUMNS, "--all", "--out", tmp_path / "a.csv")
    with (tmp_path / "a.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert code == 0 and err.startswith("0 of 360 events")
    assert len(rows) == 40 * 9 and {row["anomaly"] for row in rows} == {"False"}
    assert all(np.isfinite(float(row["score"])) for row in rows)


def test_the_command_that_the_report_offers(shop, run):
    summary = {"settings": {"data": str(shop / "normal.csv"), "case": "who", "activity": "what", "delimiter": ";"}}
    _, command = use(summary, "gru", str(shop / "model"))
    assert command.endswith("normal.csv --case who --activity what --delimiter ';'")
    assert run(*command.replace("';'", ";").split()[1:])[0] == 0


def test_what_is_refused(shop, run, tmp_path):
    model = shop / "model"
    (tmp_path / "config.json").write_text(json.dumps({"model": "EventModel"}))
    for arguments, wanted in (
        ((model, shop / "normal.csv", "--step", "h"), "--step: is no option of events"),
        ((model, shop / "normal.csv", *COLUMNS, "--threshold", "0"), "--threshold: expected a number above 0, got 0"),
        ((model, shop / "normal.csv", "--id", "who"), "--id: is no option of events"),
        ((tmp_path, shop / "normal.csv", *COLUMNS), "without its vocabulary"),
    ):
        code, _, err = run("anomalies", *arguments)
        assert code == 2 and wanted in err and err.count("\n") == 1, err
