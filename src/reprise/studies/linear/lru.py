"""A linear recurrence learns what a tanh network does not, once it is diagonal, stable, and starts on a ring, to scale.

Paper    Orvieto et al. 2023, arXiv:2303.06349 (orvieto2023resurrecting)
Claim    From a tanh RNN down to LRU: between channel mixers an RNN is better without its nonlinearity, and as a complex
         diagonal; a form that is stable by construction, a start on a ring near the unit circle and a scale of what
         enters make it learn long reaches.
Here     The ladder on sequential MNIST, 2 x 2 pixels averaged to one (196 steps), two blocks; and on recall over 1000
         steps, one block: one of eight symbols in the first ten, noise throughout, asked for at the last. Width 32, as
         many units of memory; batches, updates and clipping at norm 1 alike. One learning rate on recall; on digits
         those of pilots on other seeds: 1e-2, for tanh 5e-3, for a dense linear matrix 1e-3. The tanh RNN's starts as
         Glorot's, like the linear one's. A run that blows up, in loss or gradient, is scored with the weights it had.
         Three seeds. The full tier trains LRU of width 64 on all 784 pixels.
Not here The Long Range Arena; units counted as real numbers, of which a complex one has two.
Why      A dense linear matrix barely learns digits at the rate it has here. The ring alone does as well as with the
         scale, on digits and on recall. On recall LRU is at 0.8 with one seed of three, and a dense linear matrix blew
         up with two.
"""
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, one_hot

from reprise.data.digits import as_pixels, open_digits
from reprise.data.labelled import Labelled, in_order, labelled_batches
from reprise.lab.claims import all_hold, at_least, at_most, exceeds
from reprise.lab.figures import bars
from reprise.layers.nonlinear.elman import Elman
from reprise.models.sequence_model import SequenceModel
from reprise.training.fit import fit
from reprise.training.guard import NonFinite
from reprise.training.objectives import accuracy, label
from reprise.training.optimisers import adamw
from reprise.training.schedules import WarmupCosine

KEY = ("part", "rung", "seed")
TABLE = ("rung", "part", "accuracy")
FIGURES = (
    bars("rung", "accuracy", "part", title="Right, rung by rung"),
    bars("rung", "gradient", "part", title="Largest norm of a gradient, a power of ten; 30 where it blew up"),
)

RING = {"r_min": 0.9, "r_max": 0.999}
LONG_RING = {"r_min": 0.99, "r_max": 0.9999, "max_phase": 0.3}
LADDER = {  # rung -> layer, whether it starts on the ring, and the learning rate on shrunk digits
    "tanh": ("elman", False, 5e-3), "linear": ("linear_rnn", False, 1e-3), "diagonal": ("lru_direct", False, 1e-2),
    "exponential": ("lru_unscaled", False, 1e-2), "ring": ("lru_unscaled", True, 1e-2), "LRU": ("lru", True, 1e-2),
}
GLU = ("glu", {"hidden": 96})
SYMBOLS = 8


@dataclass(frozen=True)
class Config:
    rungs: tuple[str, ...] = tuple(LADDER)
    seeds: int = 3
    width: int = 32
    rate: float = 5e-3
    batch: int = 16
    images: str = "mnist"
    digits_steps: int = 800
    length: int = 1000
    recall_steps: int = 150
    shown: int = 10  # steps
    noise: float = 0.1
    epochs: int = 0  # over all pixels of MNIST, by LRU


SMOKE = ("rungs=tanh,LRU", "seeds=1", "digits_steps=3", "recall_steps=3", "length=60", "images=digits")
FULL = ("rungs=LRU", "epochs=3")


def cells(c: Config):
    for seed in range(c.seeds):
        for part in ("digits", "recall"):
            for rung in c.rungs:
                yield {"part": part, "rung": rung, "seed": seed}
        if c.epochs:
            yield {"part": "mnist", "rung": "LRU", "seed": seed}


def measure(c: Config, part: str, rung: str, seed: int) -> dict:
    return recall(c, rung, seed) if part == "recall" else digits(c, rung, seed, whole=part == "mnist")


def digits(c: Config, rung: str, seed: int, *, whole: bool) -> dict:
    """Of the full tier, in a wider network and tested on all, or shrunk."""
    images, side, width, some = ("mnist", 1, 2 * c.width, 1) if whole else (c.images, 2, c.width, 5)
    train, test = (Labelled(as_pixels(avg_pool2d(data.x[:, None], side)[:, 0]), data.y) for data in open_digits(images))
    model = SequenceModel(blocks(rung, RING) * 2, 1, 10, width, 2, GLU, read="mean", norm="layer")
    steps, rate = (c.epochs * train.size // c.batch, c.rate) if whole else (c.digits_steps, LADDER[rung][2])
    trained = learn(model, labelled_batches(train, c.batch, seed), rate, steps)
    return {"accuracy": accuracy(model, in_order(test.take(slice(0, None, some)), 100))} | trained


def recall(c: Config, rung: str, seed: int) -> dict:
    model = SequenceModel(blocks(rung, LONG_RING), SYMBOLS + 1, SYMBOLS, c.width, 1, GLU, read="last", norm="layer")
    drawn = delayed(c, seed)
    trained = learn(model, drawn, c.rate, c.recall_steps)
    return {"accuracy": accuracy(model, (next(drawn) for _ in range(20)))} | trained


def blocks(rung: str, ring: dict) -> list:
    layer, starts_on_ring, _ = LADDER[rung]
    return [(layer, ring if starts_on_ring else {})]


def delayed(c: Config, seed: int) -> Iterator[Labelled]:
    """Endless batches: a symbol at the first step, noise in a channel of its own at every step."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        y = torch.randint(SYMBOLS, (c.batch,), generator=generator)
        x = torch.zeros(c.batch, c.length, SYMBOLS + 1)
        x[:, : c.shown, :SYMBOLS] = one_hot(y, SYMBOLS)[:, None]
        x[..., SYMBOLS] = c.noise * torch.randn(x.shape[:2], generator=generator)
        yield Labelled(x, y)


def learn(model: SequenceModel, batches: Iterator[Labelled], rate: float, steps: int) -> dict:
    """Trains, and says whether that blew up, and how large a gradient became: a power of ten, 30 where it is none."""
    for cell in (module for module in model.modules() if isinstance(module, Elman)):
        nn.init.xavier_normal_(cell.from_h.weight)
    optimiser, largest, blown = adamw(model, rate, weight_decay=0.01), 1e-30, False
    try:
        for record in fit(model, islice(batches, steps), label, optimiser, WarmupCosine(steps, steps // 10, 0.0)):
            largest = max(largest, record.gradient_norm)
    except NonFinite:
        blown = True
    return {"gradient": 30.0 if blown else math.log10(largest), "blown": float(blown)}


def claims(t):
    def of(part, rung, column="accuracy"):
        return t.over_seeds(column, part=part, rung=rung)

    if t.planned(part="mnist"):
        yield at_least("accuracy on sequential MNIST, all of its pixels, is 0.98", of("mnist", "LRU"), 0.98)
        return  # the other rungs are for the small tier
    for part, text, better, worse, by in (
            ("digits", "LRU is above a tanh RNN by 0.1", "LRU", "tanh", 0.1),
            ("digits", "a linear RNN is above a tanh RNN by 0.02", "linear", "tanh", 0.02),
            ("digits", "a complex diagonal is above a dense matrix by 0.05", "diagonal", "linear", 0.05),
            ("digits", "ring and scale are worth 0.03", "LRU", "exponential", 0.03),
            ("digits", "the scale alone is worth 0.01", "LRU", "ring", 0.01),
            ("recall", "ring and scale are worth 0.5", "LRU", "exponential", 0.5)):
        yield exceeds(f"{part}: {text}", of(part, better), of(part, worse), by)
    yield all_hold("recall: over 1000 steps LRU is above 0.9, a tanh RNN below 0.3", [
        at_least("LRU", of("recall", "LRU"), 0.9), at_most("tanh", of("recall", "tanh"), 0.3)])
    yield all_hold("recall: a dense linear matrix blows up in training, what has the stable form does not", [
        at_least("linear", of("recall", "linear", "blown"), 1.0),
        *(at_most(rung, of("recall", rung, "blown"), 0.0) for rung in ("exponential", "ring", "LRU"))])
