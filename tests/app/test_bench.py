"""`reprise bench`: what it measures, keeps and compares, and what it refuses to time."""
import csv
from typing import NamedTuple

import pytest

from reprise.app import process
from reprise.app.bench import growth, record, subjects
from reprise.app.bench.clock import Limits, limits, take_turns
from reprise.app.cli import main
from reprise.ops import short_convolution

QUICK = ("--steps", "64", "--budget", "0.01s", "--passes", "forward,training")


class Told(NamedTuple):
    out: str
    err: str


@pytest.fixture
def reprise(capsys, monkeypatch):
    """Runs a command in this process, which it leaves as it was."""
    monkeypatch.setattr(process, "prepare", lambda threads: None)

    def run(*arguments, code=0):
        with pytest.raises(SystemExit) as stopped:
            main([str(argument) for argument in arguments])
        told = Told(*(" ".join(text.split()) for text in capsys.readouterr()))
        assert stopped.value.code == code, told
        return told

    return run


def rows_of(folder):
    with (folder / "bench.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_times_every_backend_and_keeps_it(reprise, tmp_path):
    told = reprise("bench", "short_convolution", *QUICK, "--out", tmp_path).out
    rows = rows_of(tmp_path)
    ways = {(row["kind"], row["kind_of_pass"], row["way"]) for row in rows}
    assert {("operation", p, way) for p in ("forward", "training") for way in ("parallel", "numba")} < ways
    assert ("layer", "training", "reprise") in ways
    assert all(float(row["seconds"]) > 0 and float(row["limit_seconds"]) > 0 for row in rows)
    assert all(int(row["peak_bytes"]) > 0 for row in rows if row["kind_of_pass"] == "training")
    assert "of the limit" in told and "of last time" not in told


def test_a_second_run_compares_with_the_first(reprise, tmp_path):
    reprise("bench", "short_convolution", *QUICK, "--out", tmp_path)
    first = rows_of(tmp_path)
    told = reprise("bench", "short_convolution", *QUICK[:-1], "forward", "--out", tmp_path).out
    assert "of last time" in told
    assert len(rows_of(tmp_path)) == len(first), "what was not measured anew stays"


def test_a_wrong_answer_is_not_timed(reprise, tmp_path, monkeypatch):
    def wrong(u, w, tail, *rest):
        y, after = short_convolution.parallel.short_convolution(u, w, tail, *rest)
        return y * 1.01, after

    monkeypatch.setitem(short_convolution.BACKENDS, "parallel", wrong)
    done = reprise("bench", "short_convolution", *QUICK, "--out", tmp_path, code=1)
    assert "not timed" in done.out and "short_convolution, parallel" in done.out
    assert not any(row["kind"] == "operation" for row in rows_of(tmp_path))


@pytest.mark.parametrize(("arguments", "message"), [
    (("grru",), "no operation or layer named 'grru'; did you mean 'gru'"),
    (("gru", "--passes", "backwards"), "no pass is named 'backwards'"),
    (("gru", "--budget", "soon"), "expected a time"),
])
def test_mistakes_are_one_line(reprise, tmp_path, arguments, message):
    assert message in reprise("bench", *arguments, "--out", tmp_path, code=2).err


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", ",".join(record.Row._fields) + "\n1,2,3\n"])
def test_a_file_of_something_else_is_left_alone(reprise, tmp_path, text):
    (tmp_path / "bench.csv").write_text(text)
    assert "bench.csv" in reprise("bench", "elman", *QUICK, "--out", tmp_path, code=2).err
    assert (tmp_path / "bench.csv").read_text() == text


def test_growth_is_measured_and_drawn(reprise, tmp_path, monkeypatch):
    monkeypatch.setattr(growth, "LENGTHS", (1000, 2000, 4000))
    told = reprise("bench", "short_convolution", "--growth", *QUICK, "--out", tmp_path).out
    assert "time grows as T^" in told
    page = (tmp_path / "growth.html").read_text()
    assert "<svg" in page and "short_convolution" in page and "4,000 steps" in page


def test_order_of_growth():
    square = growth.Growth("square", [(T, 1e-9 * T**2) for T in (10, 100, 1000)])
    assert square.order == pytest.approx(2)


def test_turns_are_fair_and_the_median_is_told():
    order = []
    found = take_turns({"a": lambda: order.append("a"), "b": lambda: sum(range(20_000))}, 0.01)
    assert found["b"].seconds > 10 * found["a"].seconds
    assert all(0 <= timing.spread < 10 for timing in found.values())


def test_limits():
    most = limits()
    assert 1e8 < most.bytes_per_second < 1e13 and 1e8 < most.flops_per_second < 1e15
    assert Limits(10.0, 100.0).seconds(moved=20, flops=100) == 2.0


def test_every_operation_and_layer_can_be_chosen():
    assert len(list(subjects.choose_subjects([], ("forward",), 16))) >= 20
