"""The docs execute: the python blocks of a page run in order in one namespace, and every link leads somewhere."""
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from reprise.app.pages import stale_pages
from reprise.app.study import STUDIES
from reprise.forecasting.baselines import list_baselines
from reprise.forecasting.events.counting import baseline_names
from reprise.layers import list_channels, list_encoders, list_layers
from reprise.testing import channel_checks, checks, structure_checks
from reprise.testing.operations import list_operations

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.M | re.S)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[str]:
    """Each block below as many empty lines as stand above it, so that a traceback shows the line of the page."""
    text = page.read_text()
    return ["\n" * text.count("\n", 0, m.start(1)) + m[1] for m in BLOCK.finditer(text)]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p)], ids=name)
def test_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = ModuleType(f"page_{page.stem}")  # a real module, so that what a page defines can be copied and pickled
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for block in blocks(page):
        exec(compile(block, name(page), "exec"), vars(module))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    prose = re.sub(r"^```.*?^```|`[^`\n]*`", "", page.read_text(), flags=re.M | re.S)
    links = [link.partition("#")[0] for link in LINK.findall(prose) if not re.match(r"[a-z]+:|#", link)]
    dead = [link for link in links if not (page.parent / link).exists()]
    assert not dead, f"{name(page)} links to what is not there: {dead}"


def test_pages_of_layers_say_what_the_layers_say():
    stale = [path.name for path in stale_pages(ROOT / "docs/layers")]
    assert not stale, f"{stale} say other than the layers do; run `reprise pages`"


@pytest.mark.parametrize(("what", "counted"), [
    ("sequence layers", [list_layers]), ("channel mixers", [list_channels]),
    ("operations, each beside its plain definition", [list_operations]),
    ("laws of a layer, of a channel mixer, of a structure encoder", [checks, channel_checks, structure_checks]),
    ("structure encoders, trees into one vector", [list_encoders]),
    ("baselines of series, of events", [list_baselines, baseline_names]),
    ("studies: claims of papers as experiments that can fail", [STUDIES.modules]),
])
def test_readme_counts_right(what, counted):
    (said,) = re.findall(rf"^\| {what} \| ([\d, ]+) \|", README.read_text(), re.M)
    assert [int(number) for number in said.split(",")] == [len(count()) for count in counted]


def test_readme_is_short():
    assert len(README.read_text().splitlines()) < 120
