"""Figures are medians over seeds of the rows they are about, and every shape draws them as one picture."""
import math
import re

import pytest
from page_reader import Page

from reprise.app.drawing.figures import draw
from reprise.lab.figures import bars, curve, heat_map, points, scatter
from reprise.lab.table import Table

ROWS = Table([{"layer": layer, "length": length, "task": task, "seed": seed, "size": 100.0 * (layer == "gru") + 10,
               "bits": bits + seed / 10 + length / 100}
              for layer, bits in (("gru", 1.0), ("lstm", 3.0)) for length in (10, 100) for task in ("a", "b")
              for seed in range(3)])
SHAPES = [
    curve("length", "bits", "layer", where={"task": "a"}), bars("layer", "bits", where={"task": "a", "length": 10}),
    bars("layer", "bits", "length", where={"task": "a"}), heat_map("layer", "length", "bits", where={"task": "a"}),
    scatter("size", "bits", "layer", where={"task": "a", "length": 10}),
]


def test_a_point_is_of_all_seeds():
    found = points(SHAPES[0], ROWS.where(task="a"))
    assert [(p.by, p.across) for p in found] == [("gru", 10), ("gru", 100), ("lstm", 10), ("lstm", 100)]
    assert found[0][2:] == pytest.approx((1.2, 1.1, 1.3))
    found = points(SHAPES[4], ROWS.where(task="a", length=10))
    assert [(p.by, p.across) for p in found] == [("gru", 110), ("lstm", 10)]


def test_what_is_no_number_is_left_out():
    rows = Table([{"layer": "gru", "seed": seed, "bits": bits} for seed, bits in enumerate((1.0, None, 2.0, math.inf))])
    assert [p.middle for p in points(bars("layer", "bits"), rows)] == [1.5]
    assert points(bars("layer", "bits"), rows.where(seed=1)) == [] == draw(bars("layer", "bits"), rows.where(seed=1))


def test_rows_that_measured_something_else_are_left_out():
    rows = Table([{"layer": "gru", "seed": 0, "bits": 1.0}, {"layer": "gru", "seed": 0, "speed": 3.0}])
    assert [p.middle for p in points(bars("layer", "speed"), rows)] == [3.0]


def test_a_figure_must_say_which_rows_are_meant():
    with pytest.raises(ValueError, match="curve of bits: layer, length leaves several rows of one seed; give it by"):
        points(curve("length", "bits", "layer"), ROWS)
    with pytest.raises(ValueError, match="a curve across layer needs numbers there, got 'gru'; make it bars"):
        points(curve("layer", "bits", "length"), ROWS.where(task="a"))


@pytest.mark.parametrize("figure", SHAPES, ids=lambda figure: f"{figure.shape} {figure.by}")
def test_every_shape_is_one_picture_with_words(figure):
    (drawn,) = draw(figure, ROWS, " (small)")
    page = Page(drawn)
    assert page.text("figcaption").endswith(" (small)") and len(page.all("svg")) == 1
    assert re.search(r"gru.* \d\.\d", page.text("desc")), "the numbers, for whoever cannot see"
    assert page.text("text").count("lstm") == 1, "a name that can be read"
    assert "nan" not in drawn.lower() and "inf" not in drawn.lower()


def test_a_picture_for_each():
    titles = [Page(drawn).text("figcaption") for drawn in draw(curve("length", "bits", "layer", each="task"), ROWS)]
    assert titles == [f"bits against length, layer by layer: task {task}" for task in "ab"]


@pytest.mark.parametrize("number", [0.0, -3.0, 5.0, 1e-9, 1e12])
@pytest.mark.parametrize("log", ["", "xy"])
def test_numbers_of_every_size_are_drawn(number, log):
    rows = Table([{"layer": "gru", "length": length, "seed": 0, "bits": number} for length in (0, 1, 10**6)])
    shapes = curve("length", "bits", log=log), bars("length", "bits", log=log), heat_map("layer", "length", "bits")
    for figure in shapes:
        assert bool(draw(figure, rows)) == (number > 0 or not figure.log), "where nothing has a place, no picture"
        for drawn in draw(figure, rows):
            assert "nan" not in drawn and not re.search(r'="-?inf', drawn)
            sizes = [float(size) for size in re.findall(r' (?:width|height|r)="([^"]*)"', drawn)]
            assert all(size >= 0 for size in sizes)


def test_deep_is_much_and_pale_is_little():
    (drawn,) = draw(SHAPES[3], ROWS)
    found = re.findall(r"<title>([^:]*):[^<]*</title><rect[^>]*--p: (\d+)%", drawn)
    depths = {words: float(deep) for words, deep in found}
    assert depths["gru, 10"] == 0 and depths["lstm, 100"] == 100 and depths["gru, 10"] < depths["gru, 100"]
