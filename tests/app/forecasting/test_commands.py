"""The commands for series: inspect, fit, forecast, stream, anomalies, on real files and on broken input."""
import io
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import torch

from reprise.app.cli import main
from reprise.core.files import save_tensors
from reprise.forecasting.forecaster import Forecaster
from reprise.models.events.event_model import EventModel

STEPS = 240


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    """Two hourly series in a file, and a forecaster of all but their last day."""
    folder = tmp_path_factory.mktemp("series")
    random, hours = np.random.default_rng(0), pd.date_range("2024-03-01", periods=STEPS, freq="h")
    data = pd.concat([pd.DataFrame({"shop": shop, "when": hours, "sold": 100 * (1 + i) + 10 * np.sin(
        np.arange(STEPS) * np.pi / 12) + random.normal(size=STEPS)}) for i, shop in enumerate(("north", "south"))])
    data.to_csv(folder / "sales.csv", index=False)
    early = data[data.when < hours[-24]]
    early.to_csv(folder / "early.csv", index=False)
    Forecaster("gru", 6, steps=10, options={"width": 16}).fit(folder / "early.csv").save(folder / "model")
    late = data[data.when >= hours[-24]].sort_values(["when", "shop"])
    lines = [json.dumps({"unique_id": row.shop, "ds": str(row.when), "y": row.sold}) for row in late.itertuples()]
    (folder / "late.jsonl").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def run(capsys):
    def command(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        return ended.value.code, *capsys.readouterr()
    return command


@pytest.fixture
def stream(series, monkeypatch, run):
    """Lines in, answers out, and what is said of them."""
    def command(lines, *options):
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(lines)))
        code, out, err = run("stream", series / "model", *options)
        assert code == 0, err
        return [json.loads(line) for line in out.splitlines()], err
    return command


def same(one, other):
    """Machine code, which steps run as once they are many, rounds otherwise."""
    assert [(a["unique_id"], a["from"]) for a in one] == [(a["unique_id"], a["from"]) for a in other]
    np.testing.assert_allclose([a["forecast"] for a in one], [a["forecast"] for a in other], rtol=1e-5)


def test_inspect(series, run):
    code, out, err = run("inspect", series / "sales.csv")
    assert (code, err) == (0, "")
    assert "2 series (north, south)" in out and "hourly, 240 steps" in out and "season of 24" in out


def test_fit_and_forecast(series, run, tmp_path):
    fitted = tmp_path / "fitted"
    code, out, _ = run("fit", series / "sales.csv", "--horizon", 4, "--budget", "1s", "--width", 8, "--out", fitted)
    assert code == 0 and "hourly" in out and f"Next:   reprise forecast {fitted}" in out
    code, out, _ = run("forecast", fitted)
    rows = out.splitlines()
    assert code == 0 and rows[0] == "unique_id,ds,y" and len(rows) == 9 and rows[1].startswith("north,2024-03-11 00:00")
    for name in ("next.csv", "next.parquet"):
        path = tmp_path / name
        assert run("forecast", fitted, series / "early.csv", "--horizon", 7, "--quantiles", "--out", path)[0] == 0
        found = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
        assert len(found) == 14 and {"y_0.1", "y_0.9"} <= {*found.columns}
        assert str(found.ds[0]) == "2024-03-10 00:00:00"
    page = (tmp_path / "next.html").read_text()
    assert page.count("<svg") == 2 and "north" in page


def test_a_stream_says_what_the_whole_says(series, stream):
    answers, told = stream((series / "late.jsonl").read_text(), "--quantiles")
    assert len(answers) == 48 and told == "" and answers[-1]["from"] == "2024-03-11T00:00:00"
    whole = Forecaster.load(series / "model").read(series / "sales.csv").predict()
    expected = whole[whole.unique_id == answers[-1]["unique_id"]]
    np.testing.assert_allclose(answers[-1]["forecast"], expected.y, rtol=1e-4)
    np.testing.assert_allclose(answers[-1]["0.9"], expected["y_0.9"], rtol=1e-4)


def test_a_stopped_stream_goes_on(series, stream, tmp_path):
    """Fed again from its beginning: nothing is read twice, nothing is lost."""
    lines, state = (series / "late.jsonl").read_text().splitlines(keepends=True), tmp_path / "state"
    first, _ = stream(lines[:20], "--state", state)
    second, _ = stream(lines, "--state", state)
    assert len(first) == 20 and len(second) == 28
    same(first + second, stream(lines)[0])


@pytest.mark.slow
def test_a_killed_stream_keeps_its_state(series, stream, tmp_path):
    lines, state = (series / "late.jsonl").read_text().splitlines(keepends=True), tmp_path / "state"
    command = [sys.executable, "-c", "from reprise.app.cli import main; main()", "stream", str(series / "model"),
               "--state", str(state)]
    first = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        while not state.exists():  # which is written once a second
            running.stdin.write(lines[len(first)])
            running.stdin.flush()
            first.append(json.loads(running.stdout.readline()))
            time.sleep(0.3)
        running.send_signal(signal.SIGKILL)
    second, _ = stream(lines, "--state", state)
    assert len(first) + len(second) in (48, 49)  # the line under way may be answered twice
    same(first[: 48 - len(second)] + second, stream(lines)[0])


def test_gaps_and_nulls_in_a_stream(series, stream):
    lines = (series / "late.jsonl").read_text().splitlines(keepends=True)[::2]  # of one shop
    answers, told = stream(lines[:3] + lines[5:7])
    assert len(answers) == 5 and "2 steps of 'north' before" in told and "filled forward" in told
    missing = json.dumps({**json.loads(lines[3]), "y": None}) + "\n"
    assert len(stream([*lines[:3], missing])[0]) == 4


@pytest.mark.parametrize("line, wanted", [
    ("{", "line 1: expected JSON"),
    ("3.5", "one of the 2 series that were fitted"),
    ('{"unique_id": "west", "y": 1}', "got 'west'"),
    ('{"unique_id": "north", "y": "much"}', "to be a number or null, got 'much'"),
    ('{"unique_id": "north", "y": 1e39}', "to be a number or null"),
    ('{"unique_id": "north", "value": 1}', "an object with 'y'"),
    ('{"unique_id": "north", "ds": "soon", "y": 1}', "expected a time, got 'soon'"),
    ('{"unique_id": "north", "ds": "2024-03-10 00:30", "y": 1}', "is no step of 'north'"),
    ('{"unique_id": "north", "ds": "2034-03-10 00:00", "y": 1}', "more than 1,000 steps of 'north' after"),
])
def test_lines_that_are_refused(series, line, wanted, monkeypatch, run):
    monkeypatch.setattr(sys, "stdin", io.StringIO(line + "\n"))
    code, out, err = run("stream", series / "model")
    assert (code, out) == (2, "") and wanted in err and err.count("\n") == 1 + err.count("filled forward")


def test_a_refused_line_leaves_the_state_as_it_was(series, stream, run, monkeypatch, tmp_path):
    lines, state = (series / "late.jsonl").read_text().splitlines(keepends=True)[::2], tmp_path / "state"  # of one shop
    wrong = json.dumps({**json.loads(lines[9]), "ds": "2024-03-10 09:30"})  # steps are filled before it is found wrong
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join([*lines[:5], wrong])))
    code, out, err = run("stream", series / "model", "--state", state)
    assert code == 2 and "is no step of 'north'" in err
    first = [json.loads(line) for line in out.splitlines()]
    same(first + stream(lines, "--state", state)[0], stream(lines)[0])


def test_anomalies(series, run, tmp_path):
    rows = (series / "sales.csv").read_text().splitlines()
    shop, when, _ = rows[300].split(",")
    rows[300] = f"{shop},{when},999"
    (tmp_path / "odd.csv").write_text("\n".join(rows))
    code, out, err = run("anomalies", series / "model", tmp_path / "odd.csv", "--threshold", 8)
    assert code == 0 and f"{shop},{when},999" in out and "of 478 observations" in err
    code, out, _ = run("anomalies", series / "model", tmp_path / "odd.csv", "--all")
    assert len(out.splitlines()) == 479


def test_what_is_refused(series, run, tmp_path):
    for arguments, wanted in (
        (("forecast", series), "no forecaster is there (it would have model.safetensors); `reprise fit` makes one"),
        (("fit", "hdfs-sessions"), "hdfs-sessions is a log of events, and series are forecast; `reprise compare hdfs"),
        (("forecast", series / "model", "--step", "h"), "--step: says how a table is read"),
        (("forecast", series / "model", series / "sales.csv", "--out", tmp_path / "x.txt"), ".csv, .tsv or .parquet"),
        (("anomalies", series / "model", series / "sales.csv", "--threshold", "0"), "--threshold: expected a number"),
        (("inspect", tmp_path / "nothing.csv"), "nothing.csv"),
        (("fit", series / "sales.csv", "--head", "normal"), "no head is named"),
    ):
        code, _, err = run(*arguments)
        assert code == 2 and wanted in err and err.count("\n") == 1, err


def test_models_that_are_no_forecasters(run, tmp_path):
    """What `compare` saves beside forecasters is told from them, with what it is good for."""
    EventModel("gru", 3, width=4, channel=None).save_pretrained(tmp_path / "log", vocabulary=["a", "b", "c"])
    about = {"kind": "model", "model": "cyclenet"}
    save_tensors(tmp_path / "window" / "model.safetensors", {"weight": torch.zeros(1)}, about)
    for folder, wanted in (("log", "events; `reprise anomalies`"), ("window", "holds cyclenet, which sees windows")):
        for command in ("forecast", "stream"):
            code, _, err = run(command, tmp_path / folder)
            assert code == 2 and wanted in err and err.count("\n") == 1, err


def test_next_of_a_forecaster_with_covariates(run, tmp_path):
    """The command that `fit` offers says what the file must have, and works with such a file."""
    days = pd.date_range("2024-01-01", periods=63)
    data = pd.DataFrame({"ds": days, "sale": (np.arange(63) % 9 == 0).astype(int), "y": np.arange(63) % 7.0})
    data[:56].to_csv(tmp_path / "past.csv", index=False)
    data.assign(y=data.y.where(data.ds < days[56])).to_csv(tmp_path / "future.csv", index=False)
    code, out, err = run("fit", tmp_path / "past.csv", "--known", "sale", "--horizon", 7, "--budget", "0.3s",
                         "--width", 8, "--out", tmp_path / "model")
    assert code == 0 and f"{tmp_path / 'model'} FILE, where FILE has sale of steps to come" in out, err
    code, out, err = run("forecast", tmp_path / "model", tmp_path / "future.csv", "--known", "sale")
    assert code == 0 and out.splitlines()[1].startswith("y,2024-02-26"), err
