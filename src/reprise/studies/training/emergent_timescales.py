"""Trained for one memory length after the other, units grow slow; for all so far, slowness is left to the network.

Paper    Khajehabdollahi et al. 2023, arXiv:2309.12927 (khajehabdollahi2023emergent)
Claim    A leaky network that learns to remember ever more bits, N, gets longer time constants if one head answers for
         the newest N, not if each so far has its own; then it also goes further, keeps them all, bears damage better.
Here     64 leaky units (GRU and LSTM: 32), N from 2 to 12, parity of the last N bits and delayed match to sample; 2500
         updates of 64 streams at most, Adam. At every N passed, time constants and timescales of activity; a trend is
         the rank correlation with N from 4 on. At N = 5: accuracy, 0 at a guess, at 2 to 4 by the heads and by a linear
         readout of the frozen network (which 64 units might give away untrained); what is left of that at 5 with one
         unit or the slowest or fastest tenth silent, and with weights or time constants moved by 0.3 of their norm.
Not here 500 units, N near 100, retraining for another N; a network without norms before the layer and the heads.
Why      Time constants fall as N grows, to 1.2 to 1.4 with one head and 1.2 to 1.3 with many, up to the 6 to 9 that one
         head reaches. Units with the shortest ones carry the task here. Many heads reach the longest N there is for
         all, so that they go further by 2 cannot show where one head gets near it too.
"""
from dataclasses import dataclass
from itertools import islice, product
from math import nan
from statistics import fmean as mean

import numpy as np
import torch

from reprise.analysis.perturbation import perturbed, silenced
from reprise.analysis.readout import readable
from reprise.analysis.timescales import activity, autocorrelation, fit_decay
from reprise.core.errors import need
from reprise.data.tasks import create_task
from reprise.lab.claims import all_hold, at_least, at_most, exceeds
from reprise.lab.figures import bars
from reprise.models.sequence_model import SequenceModel
from reprise.training.curricula import Curriculum, heads_right, learn
from reprise.training.optimisers import adamw

KEY = ("network", "heads", "seed")
TABLE = ("network", "heads", "reached")
FIGURES = (
    bars("network", "reached", "heads", title="The longest N that was learned"),
    bars("heads", "tau_last", where={"network": "leaky parity"}, title="Mean time constant in the end"),
    bars("heads", "one_silent", where={"network": "leaky parity"}, title="Accuracy left with one unit silent"),
)

NETWORKS = {"leaky parity": ("leaky_rnn", "n_parity"), "leaky match": ("leaky_rnn", "delayed_match"),
            "gru parity": ("gru", "n_parity"), "lstm parity": ("lstm", "n_parity")}
HEADS = {"one": 1, "many": None}  # what a curriculum keeps
LAYER = "stack.blocks.0.layer"
DAMAGE = "one_silent", "slow_silent", "fast_silent", "weights_moved", "taus_moved"


@dataclass(frozen=True)
class Config:
    networks: tuple[str, ...] = tuple(NETWORKS)
    longest: int = 12
    common: int = 5  # the N at which networks are compared
    seeds: int = 5
    other_seeds: int = 3  # of networks but the first
    units: int = 64
    gated_units: int = 32
    steps: int = 2500
    batch: int = 64
    rate: float = 4e-3
    every: int = 25
    threshold: float = 0.98
    moved: float = 0.3  # of a norm
    tested: int = 1024


SMOKE = ("networks=leaky parity,gru parity", "seeds=1", "other_seeds=1", "units=16", "gated_units=16", "steps=75",
         "common=3", "longest=4", "tested=64", "threshold=0.3")


def cells(c: Config):
    for network, heads in product(c.networks, HEADS):
        for seed in range(c.seeds if network == "leaky parity" else c.other_seeds):
            yield {"network": network, "heads": heads, "seed": seed}


def measure(c: Config, network: str, heads: str, seed: int) -> dict:
    layer, task = NETWORKS[network]
    curriculum = Curriculum(tuple(range(2, c.longest + 1)), HEADS[heads], c.threshold)
    model = SequenceModel(layer, 1, 2 * curriculum.heads, c.units if layer == "leaky_rnn" else c.gated_units, depth=1,
                          channel=None, read="last")
    lessons = learn(model, curriculum, lambda levels, made: create_task(task).questions(levels, c.batch, made),
                    adamw(model, c.rate, weight_decay=0.0), every=c.every, seed=seed)
    taus, slow, row = {}, {}, {"reached": 1} | dict.fromkeys(("kept", "readable", *DAMAGE), nan)
    for lesson in islice(lessons, c.steps // c.every):
        row["updates"] = lesson.step
        if lesson.passed:
            row["reached"] = n = lesson.levels[-1]
            taus[n], slow[n] = constants(model).mean().item(), slowness(model, seed)
            if n == c.common:
                row |= examined(c, model, create_task(task, n=n), curriculum, seed)
    return row | about(taus, "tau") | about(slow, "slow")


def constants(model: SequenceModel) -> torch.Tensor:
    return getattr(model.get_submodule(LAYER), "timescales", torch.tensor([nan])).detach()


def slowness(model: SequenceModel, seed: int) -> float:
    """The mean over units of their slowest timescale, on streams of random bits past their first 50 steps."""
    x = torch.from_numpy(create_task("n_parity").bits(64, 300, np.random.default_rng(seed))).float()[..., None]
    return fit_decay(autocorrelation(activity(model, LAYER, x)[:, 50:], 30)).slowest.nanmean().item()


def about(numbers: dict[int, float], name: str) -> dict[str, float]:
    settled = [(n, number) for n, number in numbers.items() if n >= 4 and number == number]  # none is NaN
    found = need("scipy.stats", "studies").spearmanr(settled).statistic if len(settled) > 2 else nan
    return {f"{name}_last": list(numbers.values())[-1] if numbers else nan, f"{name}_trend": float(found)}


def examined(c: Config, model: SequenceModel, task, curriculum: Curriculum, seed: int) -> dict[str, float]:
    """What the network remembers of shorter N, and what damage leaves of its accuracy at this one."""
    generator, draws = np.random.default_rng(seed + 10_000), torch.Generator().manual_seed(seed)
    tested, fitted = (generator.integers(0, 2, (rows, 4 * task.n)) for rows in (c.tested, 2 * c.tested))

    def score(of: SequenceModel, n: int) -> float:
        """0 at a guess, 1 where all is right."""
        batch = curriculum.batch(lambda levels, _: task.asked(tested, levels), generator, (n,))
        return 2 * heads_right(of, [batch])[curriculum.head_of(n)].item() - 1

    earlier = range(2, task.n)
    parts = [(activity(model, LAYER, z.x)[:, -1], z.y) for z in (task.asked(b, earlier) for b in (fitted, tested))]
    found = {"kept": mean(score(model, n) for n in earlier), "readable": 2 * readable(*parts).mean().item() - 1}
    order, whole = constants(model).argsort().tolist(), score(model, task.n)
    if len(order) == 1:  # a layer without time constants
        return found
    silent = [[unit] for unit in order[::4]], [order[-(len(order) // 10):]], [order[: len(order) // 10]]
    damaged = {name: [silenced(model, units) for units in those] for name, those in zip(DAMAGE, silent)}
    for name, part in (("weights_moved", "from_h.weight"), ("taus_moved", "tau")):
        damaged[name] = [perturbed(model, [f"{LAYER}.{part}"], c.moved, draws) for _ in range(8)]
    return found | {name: mean(score(of, task.n) for of in those) / whole for name, those in damaged.items()}


def claims(t):
    def over(column, heads, network="leaky parity"):
        return t.over_seeds(column, network=network, heads=heads)

    def more(text, column, by, network="leaky parity"):
        return exceeds(text, over(column, "many", network), over(column, "one", network), by)

    yield all_hold("many heads go further by 2 in as many updates", [
        more(network, "reached", 2, network) for network in NETWORKS])
    yield at_least("one head: time constants rise with N, trend above 0.8", over("tau_trend", "one"), 0.8)
    yield at_most("many heads: they do not, trend below 0", over("tau_trend", "many"), 0.0)
    yield exceeds("those of one head end longer by 0.1", over("tau_last", "one"), over("tau_last", "many"), 0.1)
    yield at_least("many heads: timescales of activity rise, trend above 0.8", over("slow_trend", "many"), 0.8)
    yield all_hold("many heads know the shorter N, one head has forgotten: by 0.5", [
        more(network, "kept", 0.5, network) for network in ("leaky parity", "gru parity", "lstm parity")])
    yield all_hold("many heads bear damage better: 0.05 more of accuracy is left", [
        more(name, name, 0.05) for name in ("one_silent", "weights_moved", "taus_moved")])
    yield exceeds("one head: the slowest tenth matters more than the fastest, by 0.05",
                  over("fast_silent", "one"), over("slow_silent", "one"), 0.05)
