"""`papers.csv` tells the truth: every paper of the catalogue, where its method and study lie, how far each is."""
from pathlib import Path

import pytest

from reprise.app.site.papers import place_of, read_papers, verdict_of
from reprise.lab.run import read_verdicts

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src/reprise"
FAMILIES = ("nonlinear", "linear", "memory", "attention", "convolution", "structure", "channel")
ROOMS = {"ops", "data", "models", "training", "generation", "continual", "analysis", "compression", "weightspace",
         "retrieval", *(f"layers/{family}" for family in FAMILIES)}
STATUS = ("none", "method", "study")  # each more than the one before

PAPERS = read_papers(ROOT / "papers.csv")


def test_every_paper_once():
    assert [int(paper["n"]) for paper in PAPERS] == list(range(1, 217))
    assert len({paper["slug"] for paper in PAPERS}) == 216


def test_columns_hold_what_they_say():
    assert {paper["room"] for paper in PAPERS} <= ROOMS
    assert {paper["status"] for paper in PAPERS} <= set(STATUS)
    assert not [paper["slug"] for paper in PAPERS if not paper["title"] or "_" in paper["slug"]]


@pytest.mark.parametrize("paper", [p for p in PAPERS if p["status"] != "none"], ids=lambda p: p["slug"])
def test_what_is_done_is_there(paper):
    """`method`: the modules that hold it; `study`: the one file that tests its claim; both under src/reprise."""
    named = [*paper["method"].split(), *paper["study"].split()]
    assert paper["method"], "a paper with a status names the modules of its method"
    assert bool(paper["study"]) == (paper["status"] == "study")
    assert not [path for path in named if not (SOURCE / path).is_file()]


def test_what_is_not_done_names_nothing():
    assert not [p["slug"] for p in PAPERS if p["status"] == "none" and (p["method"] or p["study"])]


def test_verdicts_are_those_of_the_results():
    """Never typed in; empty where the study has not run, or there is none."""
    verdicts = read_verdicts(ROOT / "results")
    stale = [paper["slug"] for paper in PAPERS if paper["verdict"] != verdict_of(place_of(paper), verdicts)]
    assert not stale, "`reprise study report --update` writes them"
    assert not [paper["slug"] for paper in PAPERS if paper["verdict"] and paper["status"] != "study"]


def test_results_are_of_studies_there_are():
    studies = {row["study"] for row in read_verdicts(ROOT / "results")}
    assert not [study for study in studies if not (SOURCE / f"studies/{study}.py").is_file()]
