"""compare.json comes back as it went; the leaderboard in the terminal; numbers as people read them."""
import io
import json

import pytest
from rich.console import Console

from reprise.app.findings import units
from reprise.app.findings.leaderboard import leaderboard
from reprise.app.findings.measure import Measure
from reprise.app.findings.summary import load, save
from reprise.core.errors import InputError


def test_comes_back(made_up, tmp_path):
    summary = made_up(points=4)
    save(tmp_path / "compare.json", summary)
    assert load(tmp_path / "compare.json") == json.loads(json.dumps(summary))


def test_what_is_not_finite_is_null(made_up, tmp_path):
    summary = made_up(points=4)
    summary["seconds"] = float("inf")
    save(tmp_path / "compare.json", summary)
    assert load(tmp_path / "compare.json")["seconds"] is None


@pytest.mark.parametrize(("text", "match"), [
    ("{", "got no JSON"),
    ("[1]", "got other JSON"),
    ('{"version": 99}', "expected version 2, got 99"),
    ('{"version": 2, "command": "x"}', "kind, unit, measure, verdict, .*, data, models, baselines missing"),
])
def test_refuses_what_is_no_summary(tmp_path, text, match):
    (tmp_path / "compare.json").write_text(text)
    with pytest.raises(InputError, match=match):
        load(tmp_path / "compare.json")


def test_refuses_what_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"cannot be read .*check the path"):
        load(tmp_path / "compare.json")


def test_leaderboard_in_the_terminal(made_up):
    summary = made_up()
    summary["models"][0]["name"] = "[red]odd[/]"
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(leaderboard(summary))
    lines = console.export_text().splitlines()
    assert lines[1].split()[:2] == ["[red]odd[/]", "1.870"]
    names = [line.split()[0] for line in lines[1 : lines.index("")]]
    assert names.index("retnet") < names.index("6-gram") < names.index("indrnn") < names.index("unigram")
    assert "5-gram" not in names
    assert "hyena failed: the loss became infinite" in "\n".join(lines)
    assert max(map(len, lines)) <= 80 and not any("…" in line for line in lines)


def test_other_measures_have_a_table_of_their_own(made_up):
    summary = made_up()
    error, right = Measure("mae", "MAE", "absolute error", digits=1), Measure("hit", "hit@5", "hits", higher=True)
    summary["further"] = [error.told(), right.told()]
    for model in summary["models"]:
        model["further"] = {"mae": 12.345, "hit": 0.5}
    summary["baselines"][2]["further"] = {"mae": 99.0}
    summary["baselines"][2]["score"] = 1.0
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(leaderboard(summary))
    table = console.export_text().split("\n\n")[1].splitlines()
    assert table[0].split() == ["also", "MAE", "hit@5"]
    assert table[1].split() == ["2-gram", "99.0", units.UNKNOWN]
    assert table[2].split() == ["gated_deltanet", "12.3", "0.500"]


@pytest.mark.parametrize(("measure", "one", "other", "wanted"), [
    (Measure("a", "a", "a"), 1.932, 1.937, "0.005"), (Measure("a", "a", "a"), 1.9, 2.4, "0.50"),
    (Measure("a", "a", "a", digits=0), 1200.0, 80.0, "1120"), (Measure("a", "a", "a", digits=1), 3.04, 3.0, "0.0"),
])
def test_a_gap_has_no_more_places_than_it_needs(measure, one, other, wanted):
    assert measure.gap(one, other) == measure.gap(other, one) == wanted


@pytest.mark.parametrize(("text", "wanted"), [
    (units.count(1_234_567), "1.23 M"), (units.count(999), "999"),
    (units.count(999_600), "1 M"), (units.count(0), "0"), (units.size(2e9), "2 GB"), (units.size(12), "12 B"),
    (units.rate(2_150.2), "2.15 k/s"), (units.milliseconds(0.00042), "0.00042 ms"),
    (units.milliseconds(1234.5), "1234 ms"),
    (units.seconds(4.24), "4.2 s"), (units.seconds(59.7), "1 min"), (units.seconds(61), "1 min 1 s"),
    (units.seconds(7500), "2 h 5 min"), (units.seconds(0.004), "0.004 s"), (units.chance(0.9999), "> 99 %"),
    (units.chance(0.5), "50 %"), (units.chance(0), "< 1 %"),
])
def test_units(text, wanted):
    assert text == wanted


@pytest.mark.parametrize("write", [units.count, units.size, units.rate, units.milliseconds, units.seconds,
                                   units.chance])
def test_unknown_is_a_dash(write):
    assert write(None) == units.UNKNOWN
