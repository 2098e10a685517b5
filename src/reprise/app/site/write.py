"""The whole site: an index and a page a study, beside the rows that they are made from."""
from collections.abc import Iterable
from pathlib import Path

from reprise.app.site.index import index_page
from reprise.app.site.papers import place_of, read_papers
from reprise.app.site.study_page import study_page
from reprise.app.site.summary import summary
from reprise.core.files import atomic_write
from reprise.lab.run import Run, read_verdicts
from reprise.lab.study import Study

__all__ = ["write_site"]


def write_site(modules: Iterable[str], results: Path, papers: Path) -> Path:
    """Writes every page below `results`, and studies.md, from the rows there and the list of papers; returns the first
    page.
    """
    listed, verdicts, studies = read_papers(papers), read_verdicts(results), {}
    for module in modules:
        first = Study(module)
        runs = [Run(first, results)]
        if "full" in first.tiers:
            runs.append(Run(Study(module, tier="full"), results))
        others = [row for row in verdicts if row["study"] == first.place and row["settings"]]
        about = [paper for paper in listed if place_of(paper) == first.place]
        atomic_write(results / first.place / "index.html", study_page(runs, others, about).encode())
        studies[first.place] = first, runs[0].verdicts() if len(runs[0].table()) else []
    atomic_write(results / "studies.md", summary(studies).encode())
    path = results / "index.html"
    counts = {place: (study, [verdict.verdict for verdict in found]) for place, (study, found) in studies.items()}
    atomic_write(path, index_page(counts, listed).encode())
    return path
