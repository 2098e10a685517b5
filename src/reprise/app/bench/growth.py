"""Cost against length, from a thousand steps to a million: how fast it grows, as a number and a picture."""
from importlib.resources import files
from math import log
from statistics import linear_regression
from typing import NamedTuple

import torch
from torch import Tensor

from reprise.app.bench.clock import take_turns
from reprise.app.bench.subjects import operation_pass
from reprise.app.findings import units
from reprise.app.findings.summary import Machine
from reprise.app.machine import free_memory
from reprise.app.report.markup import Markup, number, tag
from reprise.app.report.scale import Scale, log_ticks
from reprise.core.state import map_state, named_tensors
from reprise.testing.operations import usual_case

__all__ = ["Growth", "growth_page", "measure_growth"]

LENGTHS = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
SETTLED = 10_000  # steps from which on no cache holds what a pass touches, and the order of growth shows
SLOW = 20.0  # seconds that one pass may take
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 460, 64, 560, 16, 410


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
    style = Markup(files("reprise.app.report").joinpath("style.css").read_text())
    rows = [tag("tr", None, tag("th", {"scope": "row"}, growth.name), tag("td", None, f"T^{growth.order:.2f}"),
                *(tag("td", None, units.seconds(seconds)) for _, seconds in growth.points)) for growth in found]
    head = tag("tr", None, tag("th", None, "operation"), tag("th", None, "grows as"),
               *(tag("th", None, f"{T:,} steps") for T in LENGTHS))
    told = f"One row, forward, {machine['threads']} threads of {machine['cpu']}, torch {machine['torch']}."
    body = tag("main", None, tag("h1", None, "Cost against length"), tag("p", None, told), _picture(found),
               tag("table", None, tag("thead", None, head), tag("tbody", None, *rows)))
    page = tag("html", {"lang": "en"}, tag("head", None, tag("meta", {"charset": "utf-8"}),
               tag("title", None, "Cost against length"), tag("style", None, style)), tag("body", None, body))
    return f"<!doctype html>{page}"


def _picture(found: list[Growth]) -> Markup:
    times = [seconds for growth in found for _, seconds in growth.points]
    across = Scale(LENGTHS[0], LENGTHS[-1], LEFT, RIGHT, log=True)
    up = Scale(min(times) / 1.5, max(times) * 1.5, BOTTOM, TOP, log=True)
    marks = []
    for T in LENGTHS[::2]:
        marks.append(tag("line", {"class": "grid", "x1": across(T), "x2": across(T), "y1": TOP, "y2": BOTTOM}))
        marks.append(_text(f"{T:,}", across(T), BOTTOM + 18, "middle"))
    for seconds in log_ticks(up.low, up.high):
        marks.append(tag("line", {"class": "grid", "x1": LEFT, "x2": RIGHT, "y1": up(seconds), "y2": up(seconds)}))
        marks.append(_text(units.seconds(seconds), LEFT - 6, up(seconds) + 4, "end"))
    for rank, growth in enumerate(found):
        places = [f"{number(across(T))} {number(up(seconds))}" for T, seconds in growth.points]
        marks.append(tag("path", {"class": f"line c{rank % 7} d{rank // 7}", "d": "M" + "L".join(places)}))
        T, seconds = growth.points[-1]
        marks.append(_text(f"{growth.name} T^{growth.order:.2f}", across(T) + 8, up(seconds) + 4, "start"))
    told = "; ".join(f"{growth.name} T^{growth.order:.2f}" for growth in found)
    marks.append(_text("steps", (LEFT + RIGHT) / 2, BOTTOM + 38, "middle"))
    image = {"viewBox": f"0 0 {WIDTH} {HEIGHT}", "role": "img", "aria-label": f"Time against steps: {told}."}
    return tag("figure", {"class": "chart"}, tag("svg", image, *marks))


def _text(words: str, x: float, y: float, anchor: str) -> Markup:
    return tag("text", {"class": "tick", "x": x, "y": y, "text-anchor": anchor}, words)
