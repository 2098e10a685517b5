"""Ways to see an irregular series, where events are few and where they are not: bins, ageing memories, attention, sets.

Paper    Shukla & Marlin 2020, arXiv:2012.00168 (shukla2020survey)
Claim    Models of irregular series differ in how they see them: binned and filled, interpolated, event by event with
         memories that age, by attention, as a set. What bins lose is lost; and what was not seen can be informative.
Here     Three channels that swing at one of four frequencies, 10 or 30 events in 10 units of time, each channel seen
         at half of them; bins of half a unit; nine models of 5,000 to 9,000 parameters, 600 batches of 64 fresh
         series, one rate for all; with 30 events those that the claims are about. Values at 8 times anywhere, after
         300 batches that ask for them, with 10 events. Seeing a channel more often in one class, for bins with and
         without what was seen. Three seeds.
Not here 60 events, Gaussian processes, time-aware self-attention; detection at every event; PhysioNet, MIMIC-III and
         human activity, whose models take hours.
"""
from dataclasses import dataclass
from itertools import product

import torch
from torch.nn.functional import cross_entropy

from reprise.data.irregular.oscillators import Oscillators
from reprise.lab.claims import all_hold, at_least, exceeds
from reprise.lab.figures import bars, curve
from reprise.models.irregular.model import IrregularModel
from reprise.models.match import count_parameters
from reprise.training.fit import fit
from reprise.training.objectives import Scored
from reprise.training.optimisers import adamw
from reprise.training.schedules import WarmupCosine

KEY = ("part", "model", "events", "seed")
FIGURES = (
    curve("events", "accuracy", "model", where={"part": "class"}, title="Right frequencies, by events in a series"),
    bars("model", "error", where={"part": "values"}, title="Squared error of values at times asked for"),
    bars("model", "accuracy", where={"part": "informative"}, title="Right classes, where what is seen tells of them"))

MODELS = {"bins": ("bins", "gru"), "bins and mask": ("bins_mask", "gru"), "gaps": ("gaps", "gru"),
          "GRU-D": ("gru_d", "gru"), "ODE-RNN": ("ode_rnn", "gru"), "SSM": ("events", "s5"),
          "kernel": ("kernel", "gru"), "mTAN": ("mtan", "gru"), "set": ("set", "gru")}
AWARE = ("GRU-D", "ODE-RNN", "SSM", "mTAN")  # of time, whose advantage is claimed
BINS = ("bins", "bins and mask")


@dataclass(frozen=True)
class Config:
    models: tuple[str, ...] = tuple(MODELS)
    events: tuple[int, ...] = (10, 30)  # expected in a series
    seeds: int = 3
    width: int = 20
    bins: int = 20
    updates: int = 600
    asked: int = 300  # updates for values
    batch: int = 64
    rate: float = 1e-2
    tested: int = 2000


SMOKE = ("seeds=1", "events=10", "updates=1", "asked=1", "batch=2", "tested=4", "width=4")


def cells(c: Config):
    few = min(c.events)
    for seed in range(c.seeds):
        tried = [("class", model, few) for model in c.models]
        tried += [("class", *cell) for cell in product(("bins", *AWARE), c.events) if few not in cell]
        tried += [("values", model, few) for model in ("gaps", *AWARE, "kernel")]
        tried += [("informative", model, few) for model in BINS]
        yield from (dict(zip(KEY, (*cell, seed), strict=True)) for cell in tried)


def measure(c: Config, part: str, model: str, events: int, seed: int) -> dict[str, float]:
    torch.manual_seed(seed)
    task = Oscillators((0.05, 0.1, 0.2, 0.3), rate=float(events), informative=part == "informative")
    reader, layer = MODELS[model]
    made = IrregularModel(reader, task.channels, len(task.frequencies), c.width, span=task.span, points=c.bins,
                          layer=layer)
    generator, updates = torch.Generator().manual_seed(seed), c.asked if part == "values" else c.updates
    batches = (task.sample(c.batch, generator) for _ in range(updates))
    objective = values if part == "values" else classes
    list(fit(made, batches, objective, adamw(made, c.rate), WarmupCosine(updates, updates // 20, 0.02)))
    test = task.sample(c.tested, torch.Generator().manual_seed(seed + 10**6))
    with torch.no_grad():
        made.eval()
        if part == "values":
            found = {"error": (made.values(test.x, test.times) - test.values).square().mean().item()}
        else:
            found = {"accuracy": (made(test.x).argmax(-1) == test.y).double().mean().item()}
    return {**found, "parameters": count_parameters(made)}


def classes(model, batch, _) -> Scored:
    return Scored(cross_entropy(model(batch.x), batch.y, reduction="sum"), len(batch.y), None)


def values(model, batch, _) -> Scored:
    found = model.values(batch.x, batch.times)
    return Scored((found - batch.values).square().sum(), found.numel(), None)


def claims(t):
    def right(model, events, part="class"):
        return t.over_seeds("accuracy", part=part, model=model, events=events)

    yield all_hold("with 10 events, those that are told of time are 5 points better than bins filled by the mean", [
        exceeds(model, right(model, 10), right("bins", 10), 0.05) for model in AWARE])
    yield all_hold("with 30, bins are less than 2 points behind each of them, and right in 0.8 of all", [
        *(exceeds(model, right("bins", 30), right(model, 30), -0.02) for model in AWARE),
        at_least("0.8", right("bins", 30), 0.8)])
    masked, plain = (right(model, 10, "informative") for model in reversed(BINS))
    yield all_hold("what was seen helps, as an input, where it tells of the class, by 2 points, and only there", [
        exceeds("there", masked, plain, 0.02),
        exceeds("no more than 2 elsewhere", right("bins", 10), right("bins and mask", 10), -0.02)])
