"""Studies run, go on after a kill, lose no row and weigh their claims."""
import csv
import json
import subprocess
import sys
from dataclasses import dataclass
from math import isnan
from pathlib import Path

import pytest

from reprise.core.errors import InputError
from reprise.lab.options import override
from reprise.lab.rows import read_rows
from reprise.lab.run import Run, read_verdicts
from reprise.lab.study import Study
from reprise.lab.table import Table

HERE = Path(__file__).parent


def run(folder, *settings, jobs=2):
    made = Run(Study("trials.grid", settings), folder, {"torch": "none"})
    return made, list(made.compute(jobs))


def test_rows_and_what_made_them(tmp_path):
    made, events = run(tmp_path)
    assert [event.kind for event in events] == ["done"] * 6
    assert [(row["arm"], row["seed"]) for row in made.rows()] == [(a, s) for a in ("plain", "better") for s in range(3)]
    assert made.rows()[5]["score"] == 1.02 and made.rows()[5]["seconds"] >= 0
    about = json.loads(made.path.with_suffix(".json").read_text())
    assert about["config"]["gain"] == 1.0 and about["environments"] == [{"torch": "none"}]


def test_every_environment_that_added_rows_is_kept(tmp_path):
    made, _ = run(tmp_path, "arms=plain", "seeds=1")
    list(Run(made.study, tmp_path, {"torch": "adds nothing"}).compute(1))
    for torch in ("new", "none"):
        made.path.write_text("{")  # as after a kill in the first row, so that there is something to compute
        list(Run(made.study, tmp_path, {"torch": torch}).compute(1))
    assert [found["torch"] for found in made.described()] == ["none", "new"]
    made.path.with_suffix(".json").write_text("[]")
    with pytest.raises(InputError, match="is damaged; delete it"):
        made.described()


def test_settings_are_kept_apart_and_done_work_is_not_done_again(tmp_path):
    first, _ = run(tmp_path)
    again, events = run(tmp_path)
    assert events == [] and again.rows() == first.rows()
    other, events = run(tmp_path, "gain=0.1")
    assert len(events) == 6 and other.path != first.path and first.rows() == again.rows()


def test_a_lost_row_is_computed_again(tmp_path):
    made, _ = run(tmp_path)
    lines = made.path.read_text().splitlines(keepends=True)
    made.path.write_text("".join(lines[:4]) + lines[4][:9])  # a kill in the middle of writing
    assert len(made.missing()) == 2
    _, events = run(tmp_path)
    assert len(events) == 2 and len(made.rows()) == 6


@pytest.mark.parametrize(("broken", "said"), [
    ("error", "this cell is broken"), ("kill", "killed by signal 9"), ("object", "not JSON serializable")])
def test_a_cell_that_fails_says_which_and_the_others_go_on(tmp_path, broken, said):
    made, events = run(tmp_path, f"broken={broken}")
    failed = [event for event in events if event.kind == "failed"]
    assert [event.task.key for event in failed] == [{"arm": "plain", "seed": 1}] and said in failed[0].value
    assert len(made.rows()) == 5 and made.missing() == [{"arm": "plain", "seed": 1}]
    made.record()
    assert {row["verdict"] for row in read_verdicts(tmp_path)} == {"unclear"}


def test_killed_in_the_middle_no_row_is_lost_and_none_is_there_twice(tmp_path):
    script = ("import sys, os; sys.path.insert(0, sys.argv[1])\n"
              "from pathlib import Path\nfrom reprise.lab.run import Run\nfrom reprise.lab.study import Study\n"
              "if __name__ == '__main__':\n"
              "    for i, _ in enumerate(Run(Study('trials.grid', ('seeds=4',)), Path(sys.argv[2])).compute(1)):\n"
              "        if i == 2: os.kill(os.getpid(), 9)\n")
    (tmp_path / "run.py").write_text(script)
    ended = subprocess.run([sys.executable, tmp_path / "run.py", HERE, tmp_path], capture_output=True)
    assert ended.returncode == -9, ended.stderr
    made, events = run(tmp_path, "seeds=4", jobs=1)
    rows = [made.study.key_of(row) for row in read_rows(made.path)]
    assert len(rows) == len(set(rows)) == 8 and len(events) == 5


def test_what_is_no_number_is_a_row_and_decides_nothing(tmp_path):
    """A loss that became NaN is a result."""
    made, events = run(tmp_path, "broken=nan")
    assert [event.kind for event in events] == ["done"] * 6 and made.rows()[1]["score"] is None
    assert {(verdict.verdict, verdict.why) for verdict in made.verdicts() if not verdict.parts} == {
        ("unclear", "a number is not finite")}


def test_a_measurement_cannot_overwrite_its_cell(tmp_path):
    made, events = run(tmp_path, "broken=clash", "arms=plain", "seeds=1")
    assert "measure gives seed, which the cell has" in events[0].value and not made.rows()


def test_a_planted_effect_of_nothing_does_not_hold(tmp_path):
    """From the cells to the verdicts on disk: a method that equals its baseline is not better."""
    made, _ = run(tmp_path, "gain=0")
    made.record()
    found = {row["claim"]: row for row in read_verdicts(tmp_path)}["better is better by a half"]
    assert (found["verdict"], found["estimate"], found["margin"]) == ("fails", "0", "0.5")


def test_the_smoke_tier_is_weighed_but_not_recorded(tmp_path):
    made = Run(Study("trials.grid", tier="smoke"), tmp_path)
    list(made.compute(2))
    made.record()
    assert [verdict.verdict for verdict in made.verdicts()] == ["unclear", "unclear"]
    assert not (tmp_path / "verdicts.csv").exists()


def test_verdicts_replace_those_of_the_same_settings_only(tmp_path):
    for settings in ((), ("gain=0.1",), ()):
        made, _ = run(tmp_path, *settings)
        made.record()
    with (tmp_path / "verdicts.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["tier"], row["settings"], row["verdict"]) for row in rows if "half" in row["claim"]] == [
        ("small", "", "holds"), ("small", "gain=0.1", "fails")]
    assert [row["verdict"] for row in rows if "small" in row["claim"]] == ["holds", "holds"]


def test_settings_that_change_nothing_are_none(tmp_path):
    """Else the verdict that counts would be gone from the list for having been asked for in other words."""
    for settings in ((), ("seeds=3",)):
        made, _ = run(tmp_path, *settings)
        made.record()
    assert [row["settings"] for row in read_verdicts(tmp_path)] == ["", ""]


def test_a_foreign_file_of_verdicts_is_left_alone(tmp_path):
    (tmp_path / "verdicts.csv").write_text("claim,verdict\nall is well,holds\n")
    made, _ = run(tmp_path, "seeds=1")
    with pytest.raises(InputError, match=r"verdicts.csv: expected the columns study, tier, .*; move it away"):
        made.record()
    assert "all is well" in (tmp_path / "verdicts.csv").read_text()


def test_tiers_and_what_a_study_must_have():
    study = Study("trials.grid")
    assert study.tiers == {"small": (), "smoke": ("seeds=1",)}
    assert Study("trials.grid", ("gain=2",), "smoke").config == override(study.config, ["seeds=1", "gain=2"])
    assert set(study.about) == {"Paper", "Claim", "Here", "Not here"}
    with pytest.raises(InputError, match="grid has no tier 'full'; it has small, smoke"):
        Study("trials.grid", tier="full")
    with pytest.raises(InputError, match="chores: a study has KEY, and this one has not"):
        Study("chores")


@pytest.mark.parametrize(("setting", "message"), [
    ("gains=2", "no setting is named 'gains'; did you mean 'gain'"),
    ("gain", "expected key=value, such as arms="),
    ("gain=much", "expected a float like 1.0"),
    ("seeds=1.5", "expected a int like 3"),
    ("seeds=True", "expected a int like 3"),
    ("arms=1,2", "expected values like 'plain'"),
])
def test_bad_settings(setting, message):
    with pytest.raises(InputError, match=message):
        _ = Study("trials.grid", (setting,)).config


def test_settings_are_read_as_their_field_is():
    config = override(Study("trials.grid").config, ["arms=plain", "gain=2", "broken=error", "seeds=5"])
    assert (config.arms, config.gain, config.broken, config.seeds) == (("plain",), 2.0, "error", 5)
    assert isinstance(config.gain, float)
    assert override(config, ["arms=plain,better"]).arms == override(config, ["arms=('plain','better')"]).arms


def test_the_time_a_cell_took_is_not_measured_twice(tmp_path):
    made, events = run(tmp_path, "broken=seconds", "arms=plain", "seeds=1")
    assert "measure gives seconds, which the cell has or its row is given" in events[0].value and not made.rows()


def test_a_key_comes_back_from_disk_as_it_was():
    with pytest.raises(InputError, match=r"grid: arm=\(1, 2\) is in KEY"):
        Study("trials.grid", ("broken=key",)).cells()


def test_settings_are_of_the_type_of_their_field():
    @dataclass(frozen=True)
    class Config:
        rates: tuple[float, ...] = (1.0, 2.0)
        name: str = "five"

    given = override(Config(), ["rates=1,2"])
    assert repr(given) == repr(Config()), "equal is not enough: a digest is of what is written"
    names = [override(Config(), [f"name={text}"]).name for text in ("5", "'5'", "None", "lru")]
    assert names == ["5", "5", "None", "lru"]


@pytest.mark.parametrize("lost", [None, float("nan"), float("inf")])
def test_a_median_with_what_is_not_finite_is_no_number_in_any_order(lost):
    for numbers in ([1.0, 2.0, lost], [lost, 1.0, 2.0], [1.0, lost, 2.0]):
        rows = [{"seed": seed, "score": number} for seed, number in enumerate(numbers)]
        assert isnan(Table(rows).median("score"))
    assert Table([{"seed": 0, "score": 3}]).median("score") == 3
