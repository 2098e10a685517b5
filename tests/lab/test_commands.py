"""`reprise study` as somebody types it: what it prints, where it ends, and that nothing is lost on the way."""
import csv
import re
import signal

import pytest

import reprise.app.study
from reprise.app.cli import main
from reprise.app.pace import Pace
from reprise.app.site.papers import read_papers
from reprise.core.registry import Registry
from reprise.lab import run as lab_run
from reprise.lab.rows import append_row, read_rows
from reprise.lab.run import read_verdicts

PAPERS = [
    {"n": "1", "slug": "grid", "title": "A grid", "arxiv": "2001.00001", "room": "data", "method": "a.py",
     "study": "studies/trials/grid.py", "status": "study", "verdict": ""},
    {"n": "2", "slug": "other", "title": "Another <b>", "arxiv": "", "room": "models", "method": "", "study": "",
     "status": "none", "verdict": ""},
]


@pytest.fixture(autouse=True)
def only_the_trials(monkeypatch, tmp_path):
    monkeypatch.setattr(reprise.app.study, "STUDIES", Registry("study", ["trials"]))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "400")
    with (tmp_path / "papers.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, PAPERS[0], lineterminator="\n")
        table.writeheader()
        table.writerows(PAPERS)


@pytest.fixture
def study(capsys):
    """Runs a command; exit code, standard output, standard error."""
    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main(["study", *arguments])
        return ended.value.code, *capsys.readouterr()
    return run


def test_run_list_show(study):
    code, out, err = study("run", "grid")
    assert (code, err) == (0, "") and "6 cells, 6 to compute" in out and "arm=better seed=2  score=1.02" in out
    assert re.search(r"holds +better is better by a half  1 \[1, 1\]", out)
    assert "2 holds" in study("list")[1]
    shown = study("show", "grid")[1]
    assert "Gain is what it is set to." in shown and "gain=1.0" in shown and "better is better" in shown
    assert "0 to compute" in study("run", "grid")[1]


def test_one_cell_fails_and_the_others_are_done(study, tmp_path):
    code, out, err = study("run", "grid", "broken=error")
    assert (code, err) == (1, "")
    assert "failed arm=plain seed=1: ValueError: this cell is broken (grid.py:" in out
    assert "1 of 6 cells failed: arm=plain seed=1. The same command tries them again." in out
    assert out.count("score=") == 5 and {row["verdict"] for row in read_verdicts(tmp_path / "results")} == {"unclear"}
    assert study("run", "grid", "broken=error")[1].count("score=") == 0


def test_no_effect_does_not_hold(study):
    code, out, _ = study("run", "grid", "gain=0")
    assert code == 0 and re.search(r"fails +better is better by a half  0 \[0, 0\]", out)


def test_the_smoke_tier_leaves_no_verdict(study, tmp_path):
    code, out, _ = study("run", "grid", "--tier", "smoke")
    assert code == 0 and "2 cells" in out and "its verdicts are not recorded" in out
    assert not read_verdicts(tmp_path / "results")
    assert "not run" in study("list")[1]


@pytest.mark.parametrize(("arguments", "message"), [
    (["run", "gird"], "no study is named 'gird'; did you mean 'grid'"),
    (["show", "gird"], "did you mean 'grid'"),
    (["run", "grid", "gian=2"], "did you mean 'gain'"),
    (["run", "grid", "--tier", "huge"], "grid has no tier 'huge'; it has small, smoke"),
    (["run", "grid", "--engine", "oxen"], "--engine: expected processes or ray, got 'oxen'"),
    (["run", "grid", "--jobs", "-1"], "--jobs"),
    (["run", "grid", "--out", "papers.csv"], "papers.csv"),
    (["report", "--papers", "nowhere.csv"], "nowhere.csv: there is no such file here"),
    (["report", "--out", "papers.csv"], "papers.csv"),
])
def test_mistakes_end_in_one_line(study, arguments, message):
    code, _, err = study(*arguments)
    assert code == 2 and err.startswith("reprise: ") and err.count("\n") == 1 and message in err


def test_a_list_that_is_none_of_papers_is_refused(study, tmp_path):
    (tmp_path / "papers.csv").write_text("layer,bits\ngru,2.5\n")
    assert "expected the columns of papers.csv, and arxiv" in study("report")[2]


def test_ctrl_c_ends_in_one_line_and_loses_nothing(study, monkeypatch, tmp_path):
    written = []

    def write_and_interrupt(path, row):
        append_row(path, row)
        written.append(row)
        if len(written) == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(lab_run, "append_row", write_and_interrupt)
    code, _, err = study("run", "grid", "--jobs", "1")
    assert (code, err) == (130, "reprise: stopped; the same command goes on from here\n")
    assert not read_verdicts(tmp_path / "results")
    code, out, _ = study("run", "grid", "--jobs", "1")
    assert code == 0 and "6 cells, 4 to compute" in out
    (path,) = tmp_path.glob("results/trials/grid/*.jsonl")
    keys = [(row["arm"], row["seed"]) for row in read_rows(path)]
    assert len(keys) == len(set(keys)) == 6


def test_a_disk_that_refuses_ends_in_one_line(study, tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results/trials").write_text("a file where a folder should be")
    code, _, err = study("run", "grid")
    assert code == 2 and err.startswith("reprise: results/trials") and err.count("\n") == 1


def test_report_and_the_list_of_papers(study, tmp_path):
    study("run", "grid")
    assert "verdicts brought up to date" in study("report", "--update")[1]
    assert [paper["verdict"] for paper in read_papers(tmp_path / "papers.csv")] == ["2 holds", ""]
    assert "Report: results/index.html" in study("report", "--update")[1]
    assert {path.name for path in tmp_path.glob("results/**/*.html")} == {"index.html"}


def test_time_left_is_by_what_was_measured_since_it_began():
    now = [100.0]
    pace = Pace(lambda: now[0])
    assert pace.left() is None and str(pace.render(None)) == "-:--:--"
    now[0] = 160
    pace.measured(0, 9)
    assert pace.left() is None, "a failure tells nothing"
    pace.measured(1, 9)
    assert pace.left() == 540
    now[0] = 190
    assert pace.left() == 510 and str(pace.render(None)) == "0:08:30"
    now[0] = 1000
    assert pace.left() == 0


def test_other_seeds_are_another_run_of_the_same_study(study, tmp_path):
    study("run", "grid")
    out = study("run", "grid", "--first-seed", "10")[1]
    assert "arm=better seed=12  score=" in out and "6 to compute" in out
    assert "The verdict of the usual seeds in 2 of 2 claims" in out
    found = read_verdicts(tmp_path / "results")
    assert {row["settings"] for row in found} == {"", "first_seed=10"} and len(found) == 4
    assert len(list((tmp_path / "results/trials/grid").glob("*.jsonl"))) == 2
    study("report")
    page = (tmp_path / "results/trials/grid/index.html").read_text()
    assert "With other seeds and settings" in page and "first_seed=10" in page


def test_other_seeds_are_compared_where_settings_agree(study):
    study("run", "grid")
    out = study("run", "grid", "gain=0", "--first-seed", "10")[1]
    assert "usual seeds in" not in out  # never run with this gain
    study("run", "grid", "gain=0")
    assert "The verdict of the usual seeds in 2 of 2" in study("run", "grid", "gain=0", "--first-seed", "10")[1]


def test_names_are_no_markup(study, tmp_path):
    """A folder and an arm in brackets, which rich would take for a style, are printed as they are."""
    folder = tmp_path / "a folder whose name is as long as a line" / "[red]"
    out = study("run", "grid", "arms=plain,[blue]", "--out", str(folder))[1]
    assert f"rows in {folder}" in out and "[blue]" in out.partition("median over seeds")[2].partition("better is")[0]
