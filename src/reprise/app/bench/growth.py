"""Cost against length, from a thousand steps to a million: how fast it grows, as a number and a picture."""
from math import log
from statistics import linear_regression
from typing import NamedTuple

import torch
from torch import Tensor

from reprise.app.bench.clock import take_turns
from reprise.app.bench.subjects import operation_pass
from reprise.app.drawing.axes import written
from reprise.app.drawing.frame import BOTTOM, LEFT, TOP, Axis, chart, look
from reprise.app.drawing.labels import BESIDE, Place, beside_ends
from reprise.app.drawing.markup import Markup, number, tag
from reprise.app.drawing.page import page, scrolled, table
from reprise.app.drawing.scale import Scale, log_ticks
from reprise.app.findings import units
from reprise.app.findings.summary import Machine
from reprise.app.machine import free_memory
from reprise.core.state import map_state, named_tensors
from reprise.testing.operations import usual_case

__all__ = ["Growth", "growth_page", "measure_growth"]

LENGTHS = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
SETTLED = 10_000  # steps from which on no cache holds what a pass touches, and the order of growth shows
SLOW = 20.0  # seconds that one pass may take


class Growth(NamedTuple):
    name: str
    points: list[tuple[int, float]]  # steps, seconds of one forward pass of one row

    @property
    def order(self) -> float:
        """The exponent of T that fits best where lengths are large."""
        large = [point for point in self.points if point[0] >= SETTLED]
        steps, seconds = zip(*((log(T), log(s)) for T, s in (large if len(large) > 2 else self.points)), strict=True)
        return linear_regression(steps, seconds).slope


def measure_growth(name: str) -> Growth:
    """One row of the operation's usual input, forward, at every length that memory and patience allow."""
    points: list[tuple[int, float]] = []
    for T in LENGTHS:
        size = sum(z.nbytes / z.shape[1] for _, z in named_tensors(_one_row(name, 2)) if _long(z, 2)) * T
        if 2 * size > free_memory() or (points and points[-1][1] * T / points[-1][0] > SLOW):
            break
        case, given = usual_case(name, T), _one_row(name, T)
        with torch.no_grad():
            timing = take_turns({name: operation_pass(name, case, given, "auto", training=False)}, 0.2)[name]
        points.append((T, timing.seconds))
    return Growth(name, points)


def _one_row(name: str, T: int) -> tuple:
    """The first row of the batch, repeated in time: drawing a million steps would take longer than the pass."""
    short = min(T, LENGTHS[0])
    given = usual_case(name, short).arguments(torch.float32)
    batch = next(named_tensors(given))[1].shape[0]

    def row(z: Tensor) -> Tensor:
        z = z[:1] if z.shape[0] == batch else z
        return z.repeat(1, T // short, *[1] * (z.ndim - 2)) if _long(z, short) else z

    return map_state(row, given)


def _long(z: Tensor, T: int) -> bool:
    return z.ndim > 1 and z.shape[1] == T


def growth_page(found: list[Growth], machine: Machine) -> str:
    """A page with the picture and, for whoever cannot see it, the numbers."""
    titles = [("operation", None), ("grows as", None), *((f"{T:,} steps", None) for T in LENGTHS)]
    lines = [[(growth.name, None), (f"T^{growth.order:.2f}", None),
              *((units.seconds(seconds), None) for _, seconds in growth.points)] for growth in found]
    told = f"One row, forward, {machine['threads']} threads of {machine['cpu']}, torch {machine['torch']}."
    return page("Cost against length", tag(
        "main", None, tag("h1", None, "Cost against length"), tag("p", None, told),
        tag("div", {"class": "charts"}, _picture(found)), scrolled("Times", table(titles, lines))))


def _picture(found: list[Growth]) -> Markup:
    times = [seconds for growth in found for _, seconds in growth.points]
    across = Scale(LENGTHS[0], LENGTHS[-1], LEFT, BESIDE, log=True)
    up = Scale(min(times) / 1.5, max(times) * 1.5, BOTTOM, TOP, log=True)
    marks, ends = [], []
    for rank, growth in enumerate(found):
        places = [(across(T), up(seconds)) for T, seconds in growth.points]
        way = "L".join(f"{number(x)} {number(y)}" for x, y in places)
        told = tag("title", None, f"{growth.name} grows as T^{growth.order:.2f}")
        marks.append(tag("path", {"class": f"line {look(rank)}", "d": f"M{way}"}, told))
        ends.append(Place(growth.name, look(rank), *places[-1]))
    told = "; ".join(f"{growth.name} T^{growth.order:.2f}" for growth in found)
    return chart("Time of one pass", f"Time against steps: {told}.",
                 Axis(across, log_ticks(across.low, across.high), units.count, "steps"),
                 Axis(up, log_ticks(up.low, up.high), written, "seconds"), marks + beside_ends(ends))
