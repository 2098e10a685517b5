"""Real-time recurrent learning of an elementwise LSTM reaches as far back as backpropagation, in flat memory.

Paper    Irie et al. 2023, arXiv:2305.19044 (irie2023exploring)
Claim    Where units do not see each other's memory, real-time recurrent learning is exact and cheap: it learns what
         truncated backpropagation cannot, with updates along the way, in memory that does not grow with time.
Here     Gradients of 70 steps in float64. A symbol of four kept against 19 others, and a noisy T-maze with a corridor
         of 12 and an update every 5 steps, at as many updates and in width 32; forget gates start some way open, alike
         for all. A delay of 8 and a corridor of 3 show that truncation can learn. Peak memory at 50 and 500 steps.
Not here Patterns of 20 bits and more; longer corridors; DMLab, ProcGen and Atari; many actors and V-trace; many symbols
         at widths of thousands; several layers.
Why      One seed of three was still at three right turns of four with real-time learning after 1200 updates; the other
         two turn right.
"""
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from reprise.data.t_maze import TMaze
from reprise.data.tasks import create_task
from reprise.lab.claims import all_hold, at_least, at_most, exceeds
from reprise.lab.figures import bars
from reprise.lab.memory import peak_bytes
from reprise.layers import create_layer
from reprise.training.gradients import RealTime
from reprise.training.reinforcement.actor_critic import ActorCritic, InRealTime, Rule, Truncated, learn_to_act
from reprise.training.through_time.truncation import through_time

KEY = ("task", "method", "seed")
TABLE = ("task", "method", "right")
FIGURES = (bars("task", "right", "method", title="Right answers and right turns"),
           bars("method", "growth", where={"task": "memory"}, title="Peak memory of 500 steps over that of 50"))

METHODS = {"latch_20": ("real_time", "whole", "span_10", "span_5"), "latch_8": ("span_10",), "maze_3": ("span_5",),
           "maze_12": ("real_time", "span_5"), "gradient": ("real_time",), "memory": ("real_time", "whole")}
BLANK = dict.fromkeys(("right", "difference", "growth"), float("nan"))


@dataclass(frozen=True)
class Config:
    seeds: int = 3
    width: int = 32
    batch: int = 16
    rate: float = 1e-2
    latch_updates: int = 300
    latch_hold: float = 1.0  # what forget gates start at, before the sigmoid
    maze_updates: int = 1200
    maze_hold: float = 2.0
    long: int = 500  # steps, and a tenth of them, whose memory is measured


SMOKE = ("seeds=1", "width=12", "batch=2", "latch_updates=2", "maze_updates=8", "long=40")


def cells(c: Config):
    for seed, (task, methods) in product(range(c.seeds), METHODS.items()):
        yield from ({"task": task, "method": method, "seed": seed} for method in methods)


def measure(c: Config, task: str, method: str, seed: int) -> dict[str, float]:
    torch.manual_seed(seed)
    if task in ("gradient", "memory"):
        return BLANK | ({"difference": difference()} if task == "gradient" else {"growth": growth(c, method)})
    kind, length = task.split("_")
    return BLANK | {"right": (latch if kind == "latch" else maze)(c, method, int(length), seed)}


def memory(c: Config, hold: float):
    cell = create_layer("elementwise_lstm", c.width)
    with torch.no_grad():
        cell.from_x.bias[c.width:] += hold
    return cell


def latch(c: Config, method: str, delay: int, seed: int) -> float:
    task, cell, generator = create_task("latch"), memory(c, c.latch_hold), np.random.default_rng(seed)
    head, online = nn.Linear(c.width, task.vocabulary), RealTime(cell)
    span = int(method[5:]) if method.startswith("span") else None
    parameters = [*cell.parameters(), *head.parameters()]
    optimiser = torch.optim.Adam(parameters, c.rate, eps=1e-12)  # gradients through 20 gates are small
    for _ in range(c.latch_updates):
        x, y, _ = task.sample(c.batch, delay + 1, generator)
        loss = lambda h, first, y=y: F.cross_entropy(  # noqa: E731
            head(h).mT, y[:, first : first + h.shape[1]], reduction="sum") / c.batch
        seen = F.one_hot(x, c.width).float()
        optimiser.zero_grad()
        online.sequence(seen, loss) if method == "real_time" else through_time(cell, seen, loss, span=span)
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
    x, y, _ = task.sample(512, delay + 1, np.random.default_rng(seed + 2000))
    answers = head(cell(F.one_hot(x, c.width).float())[0][:, -1]).argmax(-1)
    return (answers == y[:, -1]).double().mean().item()


def maze(c: Config, method: str, corridor: int, seed: int) -> float:
    """The share of episodes that end in the right turn, in the last sixth of training, still exploring."""
    way, cell = TMaze(c.batch, corridor, seed=seed), memory(c, c.maze_hold)
    agent = ActorCritic(cell, way.observed, way.actions)
    learner = (InRealTime if method == "real_time" else Truncated)(cell, c.batch)
    plays = learn_to_act(agent, way, learner, torch.optim.Adam(agent.parameters(), c.rate),
                         Rule(every=5, entropy=0.02), generator=torch.Generator().manual_seed(seed))
    last = [play for play, _ in zip(plays, range(c.maze_updates))][-(c.maze_updates // 6 or 1):]
    return sum(play.solved for play in last) / max(sum(play.episodes for play in last), 1)


def difference() -> float:
    """The largest difference of a gradient in real time from backpropagation's, as a share of the largest gradient."""
    cell, found = create_layer("elementwise_lstm", 5).double(), []
    x, mix = torch.randn(2, 3, 70, 5, dtype=torch.float64)
    for gradient in (RealTime(cell).sequence, partial(through_time, cell)):
        cell.zero_grad()
        gradient(x, lambda y, first: (y * mix[:, first : first + y.shape[1]] + y.square()).sum())
        found.append(torch.cat([p.grad.flatten() for p in cell.parameters()]))
    return ((found[0] - found[1]).abs().max() / found[1].abs().max()).item()


def growth(c: Config, method: str) -> float:
    """Peak memory of the gradient of many steps over that of a tenth of them; outputs are not kept."""
    cell = memory(c, 0.0)
    online = RealTime(cell)

    def stream(x):
        carried = online.start(len(x))
        for x_t in x.unbind(1):
            _, carried = online.step(x_t, carried, lambda y: y.square().sum())

    way = stream if method == "real_time" else partial(through_time, cell, loss=lambda y, first: y.square().sum())
    short, long = (peak_bytes(partial(way, torch.randn(c.batch, T, c.width))) for T in (c.long // 10, c.long))
    return long / short


def claims(t):
    def of(task, method, column="right"):
        return t.over_seeds(column, task=task, method=method)

    difference = of("gradient", "real_time", "difference")
    yield at_most("gradients in real time are those of backpropagation, to 1e-8 of the largest", difference, 1e-8)
    yield all_hold("20 steps back, real time and the whole of backpropagation keep a symbol: above 0.95 each", [
        at_least(method, of("latch_20", method), 0.95) for method in ("real_time", "whole")])
    yield all_hold("spans of 5 and 10 do not, where a guess gets 0.25: below 0.35 each", [
        at_most(method, of("latch_20", method), 0.35) for method in ("span_5", "span_10")])
    turned, cut = (of("maze_12", method) for method in ("real_time", "span_5"))
    yield at_least("real time, updated every 5 steps, turns right after a corridor of 12: above 0.95", turned, 0.95)
    yield exceeds("backpropagation through these 5 steps is worse by 0.35, where a guess gets 0.5", turned, cut, 0.35)
    yield all_hold("what lies within the span they learn, a delay of 8 and a corridor of 3: above 0.9 each", [
        at_least(task, of(task, span), 0.9) for task, span in (("latch_8", "span_10"), ("maze_3", "span_5"))])
    yield all_hold("memory of real time is flat, at most 1.05 times in ten times the steps; that of the whole is not", [
        at_most("real time", of("memory", "real_time", "growth"), 1.05),
        at_least("the whole: 5 times", of("memory", "whole", "growth"), 5)])
