"""The first page: every study with its verdicts, every paper with its status, and a box to search in."""
from collections.abc import Mapping, Sequence

from reprise.app.drawing.markup import Markup, join, tag
from reprise.app.drawing.page import page, scrolled, section, table
from reprise.app.site.papers import KINDS, Paper, counted, place_of
from reprise.app.site.study_page import linked
from reprise.lab.study import Study

__all__ = ["index_page"]

ABOUT = ("Each claim has a margin, and a baseline that could have won; the history of its source says when it was "
         "written.")
PAPERS = ("Status: study, where the claim is tested here; method, where the method is there to be used; none, where "
          "nothing is.")
SEARCH = """
const box = document.querySelector(".find"), told = box.nextElementSibling;
const rows = [...document.querySelectorAll("#papers tbody tr")];
const texts = rows.map(row => row.textContent.toLowerCase());
function find() {
  const words = box.value.toLowerCase().split(" ").filter(Boolean);
  rows.forEach((row, at) => row.hidden = !words.every(word => texts[at].includes(word)));
  told.textContent = `${rows.filter(row => !row.hidden).length} of ${rows.length} papers`;
}
box.hidden = told.hidden = false;
box.addEventListener("input", find);
find();
"""


def index_page(studies: Mapping[str, tuple[Study, Sequence[str]]], papers: Sequence[Paper]) -> str:
    """studies: place -> the study and the verdict of each of its claims, none where it has not run."""
    found = [verdict for _, verdicts in studies.values() for verdict in verdicts]
    told = f"{len(found)} claims weighed: {counted(found)}." if found else "No study has run yet."
    parts = [
        tag("header", None, tag("p", {"class": "kicker"}, "reprise study"), tag("h1", None, "Claims that can fail"),
            tag("p", {"class": "verdict"}, told), tag("p", {"class": "meta"}, ABOUT)),
        section("Studies", "", _studies(studies)),
        section("Papers", PAPERS, _search(), _papers(papers, studies)),
    ]
    return page("Claims that can fail", tag("main", None, *parts), tag("script", None, Markup(SEARCH)))


def _studies(studies: Mapping[str, tuple[Study, Sequence[str]]]) -> Markup:
    titles = [("study", None), ("about", "words"), ("verdicts", "words")]
    return scrolled("Studies", table(titles, [[
        (_link(place, study.name), None), (study.summary, "words"), (_counts(verdicts), "words")]
        for place, (study, verdicts) in studies.items()]))


def _search() -> Markup:
    """Hidden where no script runs."""
    box = {"class": "find", "type": "search", "placeholder": "Search: title, name, room, status, verdict",
           "aria-label": "Search the papers", "hidden": ""}
    return join([tag("input", box), tag("p", {"class": "note", "role": "status", "hidden": ""})])


def _papers(papers: Sequence[Paper], studies: Mapping[str, tuple[Study, Sequence[str]]]) -> Markup:
    titles = [("name", "words"), ("title", "words"), ("room", "left"), ("status", "left"), ("verdict", "words")]
    lines = []
    for paper in papers:
        place = place_of(paper)
        status = _link(place, paper["status"]) if place in studies else paper["status"]
        title = linked(f"{paper['title']} arXiv:{paper['arxiv']}" if paper["arxiv"] else paper["title"])
        verdicts = studies[place][1] if place in studies else ()
        lines.append([(paper["slug"], "words"), (title, "words"), (paper["room"], "left"), (status, "left"),
                      (_counts(verdicts) if verdicts else "", "words")])
    return tag("div", {"id": "papers"}, scrolled("Papers", table(titles, lines)))


def _counts(verdicts: Sequence[str]) -> Markup:
    if not verdicts:
        return tag("span", {"class": "note"}, "not run")
    counts = [tag("span", {"class": kind}, f"{verdicts.count(kind)} {kind}") for kind in KINDS if kind in verdicts]
    return join(counts, ", ")


def _link(place: str, text: str) -> Markup:
    return tag("a", {"href": f"{place}/index.html"}, text)
