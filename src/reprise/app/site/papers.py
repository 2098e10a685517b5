"""`papers.csv`: every paper of the catalogue, how far it is here, and how the claims of its study stand."""
import csv
import io
from collections.abc import Iterable
from pathlib import Path

from reprise.core.errors import InputError
from reprise.core.files import atomic_write
from reprise.lab.run import read_verdicts

__all__ = ["Paper", "counted", "fill", "place_of", "read_papers", "verdict_of"]

Paper = dict[str, str]
COLUMNS = {"n", "slug", "title", "arxiv", "room", "method", "study", "status", "verdict"}
KINDS = ("holds", "fails", "unclear")


def read_papers(path: Path) -> list[Paper]:
    """Raises InputError where there is no such file, or it is of something else."""
    if not path.is_file():
        raise InputError(f"{path}: there is no such file here; run this where papers.csv lies, or give --papers")
    with path.open(newline="", encoding="utf-8") as file:
        papers = list(csv.DictReader(file))
    if lacking := COLUMNS - (papers[0].keys() if papers else set()):
        raise InputError(f"{path}: expected the columns of papers.csv, and {', '.join(sorted(lacking))} is not there")
    return papers


def place_of(paper: Paper) -> str:
    """FAMILY/SLUG of its study; nothing where it has none."""
    return paper["study"].removeprefix("studies/").removesuffix(".py")


def counted(verdicts: Iterable[str]) -> str:
    """As in `3 holds, 1 fails`; nothing where there are none."""
    found = list(verdicts)
    return ", ".join(f"{found.count(kind)} {kind}" for kind in KINDS if kind in found)


def verdict_of(place: str, verdicts: Iterable[dict[str, str]]) -> str:
    """How the claims of a study stand at its small tier with no setting changed: the run that counts."""
    return counted(row["verdict"] for row in verdicts
                   if (row["study"], row["tier"], row["settings"]) == (place, "small", ""))


def fill(path: Path, results: Path) -> bool:
    """Writes the verdicts of the results into the file. False where it said the same already."""
    verdicts, text = read_verdicts(results), io.StringIO()
    papers = read_papers(path)
    table = csv.DictWriter(text, papers[0], lineterminator="\n")
    table.writeheader()
    table.writerows(paper | {"verdict": verdict_of(place_of(paper), verdicts)} for paper in papers)
    stale = path.read_text(encoding="utf-8") != text.getvalue()
    if stale:
        atomic_write(path, text.getvalue().encode())
    return stale
