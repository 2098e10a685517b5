"""Liquid time constants predict a motion whose speed depends on where it is better than networks of fixed ones.

Paper    Hasani et al. 2020, arXiv:2006.04439 (hasani2020liquid)
Claim    Neurons whose time constants depend on state and input are stable, bounded and more expressive than other
         networks in continuous time: what they are given is drawn out to longer paths, and they predict better.
Here     Spirals in the plane that turn four times as fast on the left, seen at 32 irregular times with noise: the next
         place, the time until it given. 16 liquid neurons, others as many parameters; 300 batches of 32 fresh series,
         one rate for all. Euler's steps, 6 in each gap, but for the LTC's own, fused ones. Bounds: 1000 inputs of size
         100. Paths: a circle into untrained networks of equal width. Time of a step forward, one thread.
         Three seeds.
Not here 32 units and 3000 sequences, training to the end; Lotka-Volterra; gestures, rooms, traffic, power, HAR; depth
         of the flow; Runge-Kutta.
"""
from dataclasses import dataclass
from math import log

import torch
from torch.nn.functional import pad

from reprise.analysis.trajectory import circle, trajectory_length
from reprise.core.marks import NO_MARKS
from reprise.data.irregular.spirals import Moves, spirals
from reprise.lab.claims import all_hold, at_least, at_most, exceeds
from reprise.lab.figures import bars
from reprise.lab.timing import in_turn
from reprise.layers import create_layer
from reprise.models.irregular.between import Aged, Decay, Euler
from reprise.models.irregular.flows import CTRNN, DrivenODE
from reprise.models.irregular.timed_model import TimedModel
from reprise.models.match import count_parameters, match_width
from reprise.training.fit import fit
from reprise.training.objectives import Scored
from reprise.training.optimisers import adamw
from reprise.training.schedules import WarmupCosine

KEY = ("part", "model", "seed")
FIGURES = (bars("model", "error", where={"part": "prediction"}, title="Squared error of the next place"),
           bars("model", "milliseconds", where={"part": "prediction"}, title="Milliseconds of a step of 32 rows"),
           bars("model", "path", where={"part": "path"}, title="Length of the path of a circle"))

MODELS = ("LTC", "CT-RNN", "ODE-RNN", "LSTM", "GRU-decay")
TURN = 200  # steps of a circle
INTO = 4  # numbers that the LTC's sensory synapses see; others see as many as they have units


@dataclass(frozen=True)
class Config:
    models: tuple[str, ...] = MODELS
    seeds: int = 3
    neurons: int = 16
    updates: int = 300
    batch: int = 32
    steps: int = 32
    rate: float = 2e-2
    tested: int = 500
    inputs: int = 1000  # of size 100
    width: int = 32  # of the networks whose paths are measured


SMOKE = ("seeds=1", "updates=1", "batch=2", "steps=4", "tested=4", "inputs=10", "neurons=4", "width=4")


def cells(c: Config):
    for seed in range(c.seeds):
        yield from ({"part": "prediction", "model": model, "seed": seed} for model in c.models)
        yield from ({"part": "path", "model": model, "seed": seed} for model in ("LTC", "CT-RNN", "neural ODE"))
        yield from ({"part": "bounds", "model": model, "seed": seed} for model in ("LTC", "LTC, explicit Euler"))


def measure(c: Config, part: str, model: str, seed: int) -> dict[str, float]:
    torch.manual_seed(seed)
    return {"prediction": prediction, "path": path, "bounds": bounds}[part](c, model, seed)


def build(model: str, width: int, neurons: int) -> TimedModel:
    match model:
        case "LTC":
            layer = create_layer("ltc", INTO, hidden=neurons)
        case "CT-RNN":
            layer = CTRNN(width)
        case "ODE-RNN":
            layer = Aged(create_layer("gru", width), Euler(width, steps=6), ahead=True)
        case "GRU-decay":
            layer = Aged(create_layer("gru", width), Decay(1, width), ahead=True)
        case _:
            layer = create_layer("lstm", width)
    return TimedModel(layer, 2, 2, as_input=model == "LSTM")


def prediction(c: Config, model: str, seed: int) -> dict[str, float]:
    width, parameters = INTO, count_parameters(build("LTC", INTO, c.neurons))
    if model != "LTC":
        width = match_width(lambda width: build(model, width, c.neurons), parameters)
    torch.manual_seed(seed)
    made = build(model, width, c.neurons)
    generator = torch.Generator().manual_seed(seed)
    batches = (spirals(c.batch, c.steps, generator) for _ in range(c.updates))
    list(fit(made, batches, next_place, adamw(made, c.rate), WarmupCosine(c.updates, c.updates // 20, 0.02)))
    test = spirals(c.tested, c.steps, torch.Generator().manual_seed(seed + 10**6))
    made.eval()
    with torch.no_grad():
        error = next_place(made, test).total.item() / test.y.numel()
        short = Moves(*(part[: c.batch] for part in test))
        seconds = in_turn({model: lambda: made(short.x, short.elapsed)})[model]
    return {"error": error, "log_error": log(error), "milliseconds": 1000 * seconds / c.steps,
            "parameters": count_parameters(made), "width": width}


def next_place(model, batch: Moves, _=None) -> Scored:
    found, _ = model(batch.x, batch.elapsed)
    return Scored((found - batch.y).square().sum(), batch.y.numel(), None)


@torch.no_grad()
def path(c: Config, model: str, seed: int) -> dict[str, float]:
    """Of the second of two turns, when the first state is forgotten; a turn takes 10 units of time."""
    layer = {"LTC": lambda: create_layer("ltc", 2, hidden=c.width), "CT-RNN": lambda: CTRNN(c.width),
             "neural ODE": lambda: DrivenODE(c.width)}[model]()
    x = pad(circle(2 * TURN, turns=2), (0, layer.width - 2))
    p = layer.project_over(x, torch.full(x.shape[:2], 10 / TURN))
    states, _ = layer.recur(p, layer.initial_memory(1), NO_MARKS)
    length = trajectory_length(states[:, TURN:]).item()
    return {"path": length, "log_path": log(length)}


@torch.no_grad()
def bounds(c: Config, model: str, seed: int) -> dict[str, float]:
    """The share of neurons, of all rows, that were ever outside what the potentials of the synapses span."""
    layer = create_layer("ltc", INTO, hidden=c.neurons)
    potentials = torch.cat([z.flatten() for z in (layer.resting, layer.sensory.reversal, layer.inner.reversal)])
    low, high = potentials.min().clamp_max(0) - 1e-5, potentials.max().clamp_min(0) + 1e-5
    v, inside = layer.initial_memory(c.inputs), torch.ones(c.inputs, c.neurons, dtype=torch.bool)
    for _ in range(10):
        sensory = layer.project(100 * torch.randn(c.inputs, INTO))
        v = layer.advance(sensory, v) if model == "LTC" else explicit(layer, sensory, v)
        inside &= (v >= low) & (v <= high)
    return {"outside": 1 - inside.double().mean().item()}


def explicit(layer, sensory, v):
    """The same equation by steps of Euler that are not fused: v <- v + dt v'."""
    w, leak, inertia = layer.positive()
    for _ in range(layer.substeps):
        inner = layer.inner(v, w)
        pulled = leak * layer.resting + sensory.pull + inner.pull
        v = v + (pulled - (leak + sensory.conductance + inner.conductance) * v) / inertia
    return v


def claims(t):
    def error(model):
        return t.over_seeds("log_error", part="prediction", model=model)

    def length(model):
        return t.over_seeds("log_path", part="path", model=model)

    yield all_hold("the error of the LTC is the least, or within 3 % of it", [
        exceeds(other, error(other), error("LTC"), -log(1.03)) for other in MODELS[1:]])
    yield exceeds("it is 10 % below that of the CT-RNN", error("CT-RNN"), error("LTC"), -log(0.9))
    yield at_most("no neuron leaves the span of its potentials, whatever comes",
                  t.over_seeds("outside", part="bounds", model="LTC"), 0)
    yield at_least("by Euler's own steps one in a hundred does",
                   t.over_seeds("outside", part="bounds", model="LTC, explicit Euler"), 0.01)
    yield all_hold("a circle is drawn out to a path a tenth longer than in other networks of equal width", [
        exceeds(other, length("LTC"), length(other), log(1.1)) for other in ("CT-RNN", "neural ODE")])
