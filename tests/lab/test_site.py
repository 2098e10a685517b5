"""The site of studies: well-formed, nothing fetched, all that was measured; searchable, and readable without."""
import re

import pytest
from page_reader import Page

from reprise.app.site.papers import fill, read_papers
from reprise.app.site.write import write_site
from reprise.core.errors import InputError
from reprise.lab.rows import append_row
from reprise.lab.run import Run
from reprise.lab.study import Study

HEADER = "n,slug,title,arxiv,room,method,study,status,verdict\n"
PAPERS = f"""{HEADER}1,grid,A grid,2001.00001,data,a.py,studies/trials/grid.py,study,
2,other,"Another <b>, & more",,models,,,none,
"""


@pytest.fixture
def papers(tmp_path):
    (tmp_path / "papers.csv").write_text(PAPERS)
    return tmp_path / "papers.csv"


@pytest.fixture
def results(tmp_path):
    """As computed: the grid with gain 1, and once more with none."""
    for settings in ((), ("gain=0",)):
        run = Run(Study("trials.grid", settings), tmp_path / "results", {"cpu": "an <abacus>", "commit": "c0ffee"})
        run.path.parent.mkdir(parents=True, exist_ok=True)
        run._describe()
        for cell in run.study.cells():
            append_row(run.path, cell | run.study.measure(cell) | {"seconds": 20.0})
        run.record()
    return tmp_path / "results"


@pytest.fixture
def pages(results, papers):
    first = write_site(["trials.grid"], results, papers)
    return Page(first.read_text()), Page((results / "trials/grid/index.html").read_text())


def test_nothing_is_fetched(pages):
    for page in pages:
        assert not {name for name, _ in page.found} & {"img", "iframe", "object", "embed"}
        assert not any("src" in attributes for _, attributes in page.found)
        assert [link["href"] for link in page.all("link")] == ["data:,"]
        assert "url(h" not in page.text("style") and "@import" not in page.text("style")
        ids = [attributes["id"] for _, attributes in page.found if "id" in attributes]
        assert len(ids) == len(set(ids))


def test_a_study_has_all_of_it_on_its_page(pages):
    _, page = pages
    assert page.text("h2") == ("Verdicts Figures Table With other seeds and settings The paper What was done "
                               "Settings Environment Source")
    for needed in ("Gain is what it is set to.", "2 holds", "Two arms, three seeds.", "Anything else.", "an <abacus>",
                   "c0ffee", "2 min", "better is better by a half", "1 to 1", "0.5", "both are small", "plain, better",
                   "reprise study run grid", "def measure(c, arm, seed):", "gain=0", "A grid"):
        assert needed in page.text(), needed
    assert {"href": "https://arxiv.org/abs/2001.00001"} in page.all("a")
    assert {"href": "../../index.html"} in page.all("a") and len(page.all("svg")) == 2


def test_parts_of_a_claim_have_their_own_numbers(pages):
    cells = pages[1].text("th", "td", "span")
    assert re.search(r"both are small holds .* better holds 1.01 1 to 1.02 2 3 plain holds 0.01 0 to 0.02 0 3", cells)


def test_the_index_has_every_paper_and_leads_to_the_study(pages):
    page, _ = pages
    assert page.text("h1") == "Claims that can fail" and "2 claims weighed: 2 holds." in page.text()
    assert page.all("a").count({"href": "trials/grid/index.html"}) == 2
    for needed in ("other", "Another <b>, & more", "models", "none"):
        assert needed in page.text("th", "td")


def test_the_search_is_there_only_where_it_works(pages):
    page, _ = pages
    (box,) = page.all("input")
    assert "hidden" in box and box["aria-label"], "without a script there is the whole list, and no box"
    assert len(page.all("script")) == 1 and "box.hidden" in page.text("script")


def test_a_study_that_has_not_run_says_how(tmp_path, papers):
    first = write_site(["trials.grid"], tmp_path / "none", papers)
    page = Page((tmp_path / "none/trials/grid/index.html").read_text())
    assert "not run yet: reprise study run grid" in page.text() and "Verdicts" not in page.text("h2")
    assert "No study has run yet." in Page(first.read_text()).text()


def test_what_is_not_measured_is_said(results, papers):
    (path,) = (Run(Study("trials.grid"), results).path,)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:4]))
    write_site(["trials.grid"], results, papers)
    assert "Of 6 cells, 2 are not measured." in Page((results / "trials/grid/index.html").read_text()).text()


def test_the_list_of_papers_is_filled_from_verdicts_alone(results, papers):
    assert fill(papers, results) and not fill(papers, results)
    assert papers.read_text() == PAPERS.replace("study,\n", "study,2 holds\n"), "other settings do not count"
    papers.write_text(PAPERS.replace(",room", ",place"))
    with pytest.raises(InputError, match="room is not there"):
        read_papers(papers)


def test_the_summary_has_every_claim(results, papers):
    write_site(["trials.grid"], results, papers)
    text = (results / "studies.md").read_text()
    assert "## [grid](trials/grid/index.html)" in text and "| holds | better is better by a half | 1 | 1 to 1 |" in text
    assert "2 claims: 2 holds." in text


def test_the_summary_of_nothing_says_what_waits(tmp_path, papers):
    write_site(["trials.grid"], tmp_path / "empty", papers)
    assert "Not run yet: grid." in (tmp_path / "empty/studies.md").read_text()
