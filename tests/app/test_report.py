"""The report is one well-formed page without network or script, not too large, and escapes what it is given."""
import json
import re

import pytest
from page_reader import Page

from reprise.app.drawing.markup import Markup, tag
from reprise.app.drawing.scale import Scale, linear_ticks, log_ticks, spread_out
from reprise.app.findings.measure import Measure
from reprise.app.report import render_report, write_report

NASTY = "<script>alert(1)</script>\"'&\x00\u202e\ud800"


def test_everything_is_there_in_order(made_up):
    summary = made_up()
    text = render_report(summary)
    page = Page(text)
    assert page.text("h2") == ("Leaderboard Quality against compute Quality against what it costs to run A sample "
                               "What failed The data The baselines Where to go next How this was made")
    for needed in (summary["command"], summary["data"]["digest"], "the loss became infinite", "AMD EPYC 9B14", "2.13.0",
                   "reprise generate runs/stdlib/models/gated_deltanet-0/", "--budget 960s", "lzma", "> 99 %"):
        assert needed in page.text(), needed
    names = [model["name"] for model in summary["models"] if model["status"] == "done"]
    curves = text[text.index("Quality against compute"):text.index("The same in numbers")]
    assert all(curves.count(f">{name}</text>") == 2 for name in names)


def test_nothing_is_fetched_and_nothing_runs(made_up):
    page = Page(render_report(made_up()))
    assert [script["type"] for script in page.all("script")] == ["application/json"]
    assert [link["href"] for link in page.all("link")] == ["data:,"]
    assert not [name for name, _ in page.found if name in ("img", "iframe", "object", "video")]
    assert not [attributes for _, attributes in page.found if any(key.startswith("on") for key in attributes)]
    assert "url(" not in page.text("style")
    assert "@import" not in page.text("style")


def test_pictures_have_words(made_up):
    page = Page(render_report(made_up()))
    images = page.all("svg")
    assert all(image["role"] == "img" for image in images)
    ids = [attributes["id"] for _, attributes in page.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    charts = [image["aria-labelledby"].split() for image in images if "aria-labelledby" in image]
    assert len(charts) == 4
    assert all(name in ids for both in charts for name in both)
    assert len(page.all("title")) > len(images)


@pytest.mark.parametrize("change", ["name", "text", "command", "everything"])
def test_what_users_bring_is_escaped(made_up, change):
    summary = made_up(points=5)
    if change == "name":
        summary["data"]["name"] = NASTY
    if change == "text":
        summary["shown"] = {"model": NASTY, "prompt": NASTY, "text": NASTY}
    if change == "command":
        summary["command"] = summary["verdict"] = NASTY
    if change == "everything":
        summary = json.loads(json.dumps(summary), object_hook=_spoilt)
    text = render_report(summary)
    page = Page(text)
    assert len(page.all("script")) == 1
    assert "<script>alert" not in text
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\u202e\ud800-\udfff]", text)
    text.encode()


def _spoilt(part: dict) -> dict:
    """All texts made nasty, but for those that say what its numbers are."""
    kept = "status", "kind"
    return {key: value + NASTY if isinstance(value, str) and key not in kept else value for key, value in part.items()}


def test_links_stay_beside_the_report(made_up):
    summary = made_up(points=5)
    summary["files"] = ["compare.json", "javascript:alert(1)", "https://example.org/x", "//example.org", "/etc/passwd"]
    links = [link.get("href") for link in Page(render_report(summary)).all("a")]
    assert links == ["compare.json", None, None, None, None]


def test_summary_can_be_read_back(made_up):
    summary = made_up(points=9)
    text = re.search(r'<script type="application/json" id="summary">(.*?)</script>', render_report(summary))[1]
    read = json.loads(text)
    short, long = ([model.pop("curve", []) for model in found["models"]] for found in (read, summary))
    assert read == json.loads(json.dumps(summary))
    assert [len(curve) for curve in short] == [len(curve) for curve in long]


@pytest.mark.parametrize(("seeds", "points"), [(3, 40), (5, 2000)])
def test_under_half_a_megabyte(made_up, seeds, points):
    summary = made_up(seeds, points)
    done = [model for model in summary["models"] if model["status"] == "done"]
    summary["models"] += [model | {"name": f"{model['name']}_{copy}"} for copy in range(2) for model in done]
    assert len(render_report(summary).encode()) < 500_000


def test_one_seed_has_no_chances(made_up):
    page = Page(render_report(made_up(seeds=1)))
    assert "Who is better than whom" not in page.text()
    assert "--seeds 3" in page.text("code")


@pytest.mark.parametrize(("command", "longer"), [
    ("reprise compare notes --budget=1m --out runs/a/", "reprise compare notes --budget=960s --out runs/a-960s"),
    ("reprise compare notes", "reprise compare notes --out runs/python-stdlib-960s --budget 960s"),
])
def test_the_next_command_goes_beside_this_one(made_up, command, longer):
    summary = made_up(points=5)
    summary["command"] = command
    assert longer in Page(render_report(summary)).text("code")


def test_the_least_there_can_be(made_up):
    summary = made_up()
    summary["models"] = [model for model in summary["models"] if model["status"] == "failed"]
    summary |= {"baselines": [], "shown": None, "files": [], "pairs": {"names": [], "better": [], "best": []}}
    page = Page(render_report(summary))
    assert "hyena" in page.text("dt")
    assert not page.all("svg")


def test_a_model_without_curve_or_costs(made_up):
    summary = made_up()
    for model in summary["models"]:
        for key in ("curve", "peak_memory_bytes", "stream_units_per_second", "step_ms"):
            model.pop(key, None)
    page = Page(render_report(summary))
    assert len([image for image in page.all("svg") if "aria-labelledby" in image]) == 1


def test_written_whole(made_up, tmp_path):
    write_report(made_up(points=5), tmp_path / "out" / "report.html")
    assert (tmp_path / "out" / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_markup_escapes_unless_it_is_markup():
    assert tag("b", {"title": 'a"b', "x": None, "y": 1.25}, "1 < 2", Markup("<i></i>"), None) == (
        '<b title="a&quot;b" y="1.2">1 &lt; 2<i></i></b>')


@pytest.mark.parametrize(("low", "high"), [(1.87, 2.55), (0.0001, 0.0002), (3, 3000), (2, 2.0000001)])
def test_ticks_are_within(low, high):
    for ticks in (linear_ticks(low, high), log_ticks(low, high)):
        assert 1 <= len(ticks) <= 7
        assert ticks == sorted(ticks)
        assert all(low <= tick <= high for tick in ticks)


def test_names_do_not_touch():
    assert spread_out([50, 51, 52, 10, 99], 12, 0, 100) == pytest.approx([39, 51, 63, 10, 99])
    assert max(spread_out([99, 99, 99], 12, 0, 100)) <= 100


def test_scale_is_straight_or_logarithmic():
    assert Scale(0, 10, 100, 200)(5) == 150
    assert Scale(1, 100, 0, 10, log=True)(10) == pytest.approx(5)
    assert Scale(3, 3, 0, 10)(3) == 0


def test_more_is_better_where_the_measure_says_so(made_up):
    """Charts, strips and orders of an accuracy: the best is on top, and lines rise to it."""
    summary = made_up(points=9)
    accuracy = Measure("accuracy", "accuracy", "accuracy", higher=True)
    summary = json.loads(json.dumps(summary), object_hook=lambda part: part | {
        key: _turned(part[key]) for key in ("score",) if key in part}) | {"measure": accuracy.told()}
    text = render_report(summary)
    page = Page(text)
    assert "accuracy, higher is better" in page.text() and "more is better" in page.text()
    board = page.text()[page.text().index("Leaderboard"):]
    assert board.index("gated_deltanet") < board.index("gru") < board.index("6-gram") < board.index("unigram")
    frontier = re.search('class="frontier" d="(.*?)"', text)[1]
    heights = [float(y) for y in re.findall(r"(?:V|M[0-9.]+ )([0-9.]+)", frontier)]
    assert heights == sorted(heights, reverse=True), "each model further along is higher up"


def _turned(score):
    return {key: _turned(value) for key, value in score.items()} if isinstance(score, dict) else (
        [_turned(value) for value in score] if isinstance(score, list) else None if score is None else 1 - score / 10)
