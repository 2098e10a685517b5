"""Gates that see only the input make a GRU or an LSTM a scan: fast, and with some depth no worse.

Paper    Feng et al. 2024, arXiv:2410.01201 (feng2024were)
Claim    minGRU and minLSTM copy selectively with three layers and not with one; they model language as well as a GRU or
         LSTM of as many parameters; and they train faster, the more so the longer the sequence.
Here     With a GLU. Copying 4 symbols within 32 steps, width 32; tiny-shakespeare in windows of 128 bytes, two layers
         of 55,600 to 63,200 parameters beside what embeds and predicts; forward and backward of one layer on one
         thread, each a median of interleaved runs; a parallel scan against steps. Three seeds.
Not here 16 symbols in 128 steps and more; the scan on logarithms, whose equality is tested; the convolution before each
         of the paper's layers of language models, and its wider memories; reinforcement learning; a GPU, on which all
         steps of a scan are done at once.
Why      After 250 updates a GRU of as many parameters is 0.11 nats better at text; two layers of minimal gates copy as
         well as three, and one gets 0.8 of the symbols of so short a task.
"""
from dataclasses import dataclass
from functools import partial
from itertools import islice, product
from math import log

import numpy as np
import torch
from torch import nn

from reprise.data.batches import IGNORED, evaluation, windows
from reprise.data.named import open_corpus
from reprise.data.tasks import create_task
from reprise.lab.claims import all_hold, at_least, at_most, exceeds
from reprise.lab.figures import bars, curve
from reprise.lab.timing import in_turn
from reprise.layers import create_layer
from reprise.models.language_model import LanguageModel
from reprise.models.match import count_parameters, match_width
from reprise.models.stack import Stack
from reprise.ops.backend import prefer
from reprise.ops.linear_scan import linear_scan
from reprise.training.fit import fit
from reprise.training.objectives import evaluate, next_token
from reprise.training.optimisers import adamw
from reprise.training.schedules import WarmupDecay

KEY = ("part", "layer", "depth", "length", "seed")
FIGURES = (
    curve("depth", "copied", "layer", where={"part": "copying"}, title="Selective copying by depth"),
    bars("layer", "nats", where={"part": "language"}, title="Nats a byte of tiny-shakespeare"),
    curve("length", "times", "layer", log="xy", where={"part": "speed"}, title="Seconds, in those of minGRU"))
MINIMAL, WINDOW, SYMBOLS, STEPS = ("mingru", "minlstm"), 128, 4, 32


@dataclass(frozen=True)
class Config:
    seeds: int = 3
    width: int = 32
    depths: tuple[int, ...] = (1, 2, 3)
    copying: int = 1000  # updates
    language: int = 250  # updates
    corpus: str = "tiny-shakespeare"
    parameters: int = 60_000
    batch: int = 32
    rate: float = 1e-2
    lengths: tuple[int, ...] = (64, 256, 1024)
    held_out: int = 50_000  # bytes


SMOKE = ("seeds=1", "depths=1", "copying=2", "language=2", "batch=2", "parameters=5000", "lengths=16",
         "held_out=1000", "corpus=python-stdlib")


def cells(c: Config):
    for seed in range(c.seeds):
        tried = [("copying", *cell, STEPS) for cell in (*product(MINIMAL, c.depths), ("gru", 1))]
        tried += [("language", layer, 2, WINDOW) for layer in (*MINIMAL, "gru", "lstm", "lru")]
        tried += [("speed", layer, 1, length) for layer, length in product(("gru", "torch.nn.GRU", "loop"), c.lengths)]
        tried += [("same", layer, 1, max(c.lengths)) for layer in MINIMAL]
        yield from (dict(zip(KEY, (*cell, seed), strict=True)) for cell in tried)


def measure(c: Config, part: str, layer: str, depth: int, length: int, seed: int) -> dict:
    torch.manual_seed(seed)
    return {"copying": copying, "language": language, "speed": speed, "same": same}[part](c, layer, depth, length, seed)


def copying(c: Config, layer: str, depth: int, length: int, seed: int) -> dict:
    task, generator = create_task("selective_copy", count=SYMBOLS), np.random.default_rng(seed)
    model = LanguageModel(layer, c.width, depth, vocabulary=task.vocabulary)
    train(model, (task.sample(c.batch, length, generator) for _ in range(c.copying)), c.copying, c.rate)
    batch = task.sample(512, length, np.random.default_rng(seed + 1000))
    right = model.eval()(batch.x)[0].argmax(-1) == batch.y
    return {"copied": right[batch.y != IGNORED].double().mean().item()}


def language(c: Config, layer: str, depth: int, length: int, seed: int) -> dict:
    corpus = open_corpus(c.corpus)
    model = LanguageModel(layer, match_width(lambda width: Stack([layer] * depth, width), c.parameters, 4), depth)
    train(model, islice(windows(corpus.train, c.batch, length, seed), c.language), c.language, c.rate)
    bits = evaluate(model, evaluation(corpus.valid, 16, length, c.held_out))
    return {"nats": log(2) * bits, "width": model.stack.width, "parameters": count_parameters(model.stack)}


def train(model, batches, steps, rate):
    for _ in fit(model, batches, next_token, adamw(model, rate), WarmupDecay(steps, steps // 20, 0.02)):
        pass


def speed(c: Config, layer: str, depth: int, length: int, seed: int) -> dict:
    """The other and minGRU in turn, each forward and backward; the loop is a GRU by its definition."""
    x, ways = torch.randn(8, length, c.width), {}
    for name in (layer, "mingru"):
        made = nn.GRU(c.width, c.width, batch_first=True) if name == "torch.nn.GRU" else create_layer(
            "gru" if name == "loop" else name, c.width)
        ways[name] = partial(forward_and_backward, made, x, "reference" if name == "loop" else "auto")
    other, minimal = in_turn(ways).values()
    return {"times": other / minimal, "milliseconds": 1000 * other, "mingru_milliseconds": 1000 * minimal}


def forward_and_backward(layer, x, backend):
    with prefer(backend):
        layer(x)[0].sum().backward()


@torch.no_grad()
def same(c: Config, layer: str, depth: int, length: int, seed: int) -> dict:
    made, x = create_layer(layer, c.width), 3 * torch.randn(2, length, c.width)
    state, gap = made.initial_state(2), 0.0
    parallel, _ = linear_scan(*made.project(x), state.memory, backend="parallel")
    for x_t, want in zip(x.unbind(1), parallel.unbind(1), strict=True):
        y, state = made.step(x_t, state)
        gap = max(gap, (y - want).abs().max().item())
    return {"gap": gap / parallel.abs().max().item()}


def claims(t):
    part_of = {"copied": "copying", "nats": "language", "times": "speed", "gap": "same"}

    def seen(number, layer, **about):
        return t.over_seeds(number, part=part_of[number], layer=layer, **about)

    def each(text, claim):
        return all_hold(text, [claim(layer) for layer in MINIMAL])

    yield each("three layers copy selectively: above 0.95", lambda m: at_least(m, seen("copied", m, depth=3), 0.95))
    yield each("one layer does not: three are better by 0.2", lambda m: exceeds(
        m, seen("copied", m, depth=3), seen("copied", m, depth=1), 0.2))
    yield exceeds("one layer of a GRU copies better than one of minGRU, by 0.1", seen("copied", "gru"),
                  seen("copied", "mingru", depth=1), 0.1)
    yield each("language is learned: 2.2 nats a byte at most", lambda m: at_most(m, seen("nats", m), 2.2))
    for full in ("gru", "lstm"):
        yield each(f"and as well as by the {full}, to 0.05 nats, each", lambda m, full=full: exceeds(
            m, seen("nats", full), seen("nats", m), -0.05))
    for other, least in (("loop", 10), ("torch.nn.GRU", 1.5)):
        long, short = (seen("times", other, length=length) for length in (1024, 64))
        yield at_least(f"of 1024 steps, {other} takes {least} times as long as minGRU", long, least)
        yield exceeds(f"{other}: that is more than of 64 steps, by 1", long, short, 1)
    yield each("a parallel scan is one step after another, to 1e-4", lambda m: at_most(m, seen("gap", m), 1e-4))
