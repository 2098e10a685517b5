"""`reprise compare` on series: the kind is found, the best turn is kept, the report draws what was found."""
import io
import math

import numpy as np
import pytest
from page_reader import Page

from reprise.app.comparison import engine, outcome, trial
from reprise.app.comparison.engine import SLICES, Comparison
from reprise.app.comparison.kinds import contest_of, kind_of
from reprise.app.comparison.series import Series
from reprise.app.comparison.settings import Settings
from reprise.app.report import render_report
from reprise.core.errors import InputError
from reprise.forecasting.forecaster import Forecaster
from reprise.lab.workers import Event

BASELINES = ("auto_theta", "repeat_last", "seasonal_naive")


@pytest.fixture
def sales(tmp_path):
    """Two series of a week's rhythm, day by day, in one long table."""
    chance, path = np.random.default_rng(0), tmp_path / "sales.csv"
    days = np.arange("2024-01-01", "2024-09-01", dtype="datetime64[D]")
    lines = ["unique_id,ds,y"]
    for name, height in (("north", 100.0), ("south", 5.0)):
        week = 1 + 0.5 * np.sin(np.arange(len(days)) * 2 * math.pi / 7)
        values = height * (week + 0.05 * chance.normal(size=len(days)))
        lines += [f"{name},{day},{value:.4f}" for day, value in zip(days, values, strict=True)]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def here(monkeypatch):
    """Tasks are done in this process, one after the other, in no more time than they need."""
    def run_tasks(tasks, jobs, preload):
        for task in tasks:
            yield Event(task, "done", task.work(*task.arguments, lambda said: None))

    monkeypatch.setattr(engine, "run_tasks", run_tasks)
    monkeypatch.setattr(trial, "prepare", lambda threads: None)
    monkeypatch.setattr(trial, "TIMED", 0.0)
    monkeypatch.setattr(trial, "STREAMED", 0.002)
    monkeypatch.setattr("reprise.app.comparison.series.list_baselines", lambda: list(BASELINES))


def compared(path, out, models=("gru", "cyclenet"), **options):
    contest = contest_of((str(path),), None, options)
    comparison = Comparison(Settings(contest, models, Series.recipe, budget=0.2, seeds=1, jobs=1), out)
    list(comparison.run())
    return comparison, outcome.summarise(comparison, "reprise compare sales.csv", "2026-01-01", 1.0)


def test_series_from_the_file_to_the_report(sales, here, tmp_path):
    comparison, found = compared(sales, tmp_path / "out", horizon=7)
    assert [model["status"] for model in found["models"]] == ["done", "done"]
    assert found["measure"]["name"] == "MASE" and [m["name"] for m in found["further"]][:2] == ["sMAPE", "MAE"]
    gru, cyclenet = found["models"]
    assert {"sMAPE", "MAE", "RMSE", "WQL", "covered"} <= gru["further"].keys() and "WQL" not in cyclenet["further"]
    assert len(gru["curve"]) == SLICES and gru["state_bytes"] > 0
    assert {b["name"] for b in found["baselines"]} == {name.replace("_", " ") for name in BASELINES}
    naive, last = (next(b["score"] for b in found["baselines"] if b["name"] == name)
                   for name in ("seasonal naive", "repeat last"))
    assert all(b["valid"] != b["score"] for b in found["baselines"]), "curves are of the validation part"
    assert naive < last, "a series of a week's rhythm is best forecast by last week"
    page = Page(render_report(found))
    for needed in ("Forecasts against truth", "MASE by horizon", "Calibration of quantiles", ", best",
                   "covered", "2 series, 488 points", "season of 7 steps"):
        assert needed in page.text() + comparison.settings.contest.told(), needed
    best = min(found["models"], key=lambda model: model["score"]["median"])["name"]
    offered = "reprise forecast" in page.text()
    assert offered == (best == "gru"), "what sees windows alone has no state to go on from"


def test_the_turn_that_validates_best_is_the_model(sales, here, tmp_path):
    comparison, _ = compared(sales, tmp_path / "out", models=("gru",), horizon=7)
    points, (final,) = comparison.found("point"), comparison.found("final")
    assert final["turn_kept"] == min(points, key=lambda row: row["score"])["turn"]
    (kept,) = (tmp_path / "out" / "models").iterdir()
    predicted = Forecaster.load(kept).predict()
    assert kept.name == "gru-0" and len(predicted) == 2 * 7, "what was compared goes on from the end of the file"
    assert predicted["ds"].min() > np.datetime64("2024-08-31")


def test_what_a_protocol_forbids_is_left_out_and_said(sales, here, tmp_path):
    """A look-back leaves no room for methods that carry their state from the start of a series."""
    _, found = compared(sales, tmp_path / "out", models=("gru",), horizon=7, lookback=14)
    assert list(found["missing"]) == ["auto_theta"] and "look at 14 steps" in found["missing"]["auto_theta"]
    assert found["missing"]["auto_theta"] in Page(render_report(found)).text("dd")


def test_the_kind_is_found(sales, tmp_path):
    prose, log = tmp_path / "prose.txt", tmp_path / "log.csv"
    prose.write_text("a,b\n1,2\n")
    rows = [f"{i // 3},2024-01-0{i % 3 + 1},{'abc'[i % 3]}" for i in range(30)]
    log.write_text("\n".join(["case,time,activity", *rows]) + "\n")
    assert [kind_of((str(path),)) for path in (sales, prose, log)] == ["series", "text", "events"]
    assert [kind_of((name,)) for name in ("tiny-shakespeare", "ETTh1", "hdfs-sessions")] == ["text", "series", "events"]
    assert kind_of(("a.csv", "b.csv")) == "text"
    assert contest_of((str(sales),), "text", {}).kind == "text"
    assert contest_of((str(sales),), None, {"activity": "y"}).kind == "events", "what columns are called tells the kind"


def test_numbers_may_be_events(tmp_path):
    """Users and items that are numbers are a log, unless there is another number to forecast."""
    path, rows = tmp_path / "clicks.csv", [f"{i // 3},2024-01-0{i % 3 + 1},{i % 5}" for i in range(30)]
    path.write_text("\n".join(["user,time,item", *rows]) + "\n")
    assert kind_of((str(path),)) == "events"
    path.write_text("\n".join(["user,time,item,sold", *(f"{row},2.5" for row in rows)]) + "\n")
    assert kind_of((str(path),)) == "series"


def test_standard_input_is_kept(sales, tmp_path, monkeypatch):
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))
    for name, content in (("once", sales.read_bytes()), ("again", sales.read_bytes())):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
        contest = contest_of(("-",), None, {})
        assert contest.kind == "series" and contest.card()["series"] == 2, name
    assert len([*(tmp_path / "cache" / "input").iterdir()]) == 1


@pytest.mark.parametrize(("options", "said"), [
    ({"length": 3}, "--length: is for text or events, and .*sales.csv is read as series; leave it out, or say --as te"),
    ({"protocol": "etts"}, "expected rolling, ett, m4, got 'etts'; did you mean 'ett'"),
    ({"protocol": "m4", "horizon": 3}, "leave both out"),
])
def test_options_that_do_not_fit_are_told(sales, options, said):
    with pytest.raises(InputError, match=said):
        contest_of((str(sales),), None, options)


def test_models_that_there_are_not_are_told(sales):
    with pytest.raises(InputError, match="did you mean 'cyclenet'"):
        Settings(contest_of((str(sales),), None, {}), ("cyclonet",), Series.recipe)
