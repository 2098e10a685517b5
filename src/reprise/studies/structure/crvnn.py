"""A tree found by gradient descent computes nested expressions that a recurrent network does not.

Paper    Chowdhury & Caragea 2021, arXiv:2106.06038 (chowdhury2021modeling)
Claim    A continuous recursive network is right on nearly every nested list expression, far above an LSTM, and on
         longer ones than it has seen as well, without being told the tree; that neighbours compete for a merge is part
         of it.
Here     ListOps of MIN, MAX, FIRST and LAST of two arguments each, 7 to 24 words; longer and deeper ones of 25 to 48. A
         recursive network that is told the tree has the same cell; the LSTM has two layers, each with a GLU, twice the
         parameters, and the best of five learning rates. All see the same batches, as many of them. Three seeds. 15
         points of accuracy more are asked where there is room, on longer ones; on others, that as large a part of the
         LSTM's errors goes as 15 points are of the 26 that it has on the published files.
Not here MED and SM, which are not learned within this budget even where the tree is told, and so the published files,
         which ask for them; more arguments; logical inference, sentiment; other widths of the window.
Why      On longer expressions CRvNN is right on 0.06 to 0.13 more than the LSTM; 800 updates leave CRvNN some 0.12
         below the tree that is told.
"""
from dataclasses import dataclass
from itertools import islice, product

import numpy as np
import torch
from torch.nn.functional import cross_entropy, one_hot

from reprise.data.sets.listops import WORDS, Expressions, Shape, draw_listops
from reprise.lab.claims import all_hold, at_least, exceeds
from reprise.lab.figures import bars
from reprise.models.sequence_model import SequenceModel
from reprise.models.structure_model import StructureModel
from reprise.training.fit import fit
from reprise.training.objectives import Scored
from reprise.training.optimisers import adamw
from reprise.training.schedules import WarmupDecay

KEY = ("encoder", "seed")
FIGURES = (
    bars("encoder", "alike", title="Right on expressions like those of training"),
    bars("encoder", "longer", title="Right on longer and deeper ones"),
)

ENCODERS = {"crvnn": ("crvnn", {}), "unmodulated": ("crvnn", {"modulated": False}), "told": ("recursive", {})}
ALIKE = Shape(("MIN", "MAX", "FIRST", "LAST"), (2, 2), lengths=(7, 24), nested=0.5)
LONGER = ALIKE._replace(lengths=(25, 48))
DIGITS = 10


@dataclass(frozen=True)
class Config:
    encoders: tuple[str, ...] = (*ENCODERS, "lstm")
    seeds: int = 3
    width: int = 32
    lstm_width: int = 48
    samples: int = 20_000
    tests: int = 1_000
    steps: int = 800
    batch: int = 64
    rate: float = 1e-2
    lstm_rate: float = 2e-2


SMOKE = ("seeds=1", "width=4", "lstm_width=4", "samples=60", "tests=10", "steps=2", "batch=8")


def cells(c: Config):
    for seed, encoder in product(range(c.seeds), c.encoders):
        yield {"encoder": encoder, "seed": seed}


def measure(c: Config, encoder: str, seed: int) -> dict:
    generator, recurrent = np.random.default_rng(seed), encoder == "lstm"
    drawn, longer = draw_listops(c.samples + c.tests, ALIKE, generator), draw_listops(c.tests, LONGER, generator)
    test, train = drawn.take(slice(c.tests)), drawn.take(slice(c.tests, None))
    if recurrent:
        model = SequenceModel("lstm", len(WORDS), DIGITS, c.lstm_width, read="last")
    else:
        name, options = ENCODERS[encoder]
        model = StructureModel(name, len(WORDS), DIGITS, c.width, options)
    optimiser = adamw(model, c.lstm_rate if recurrent else c.rate, weight_decay=0.01, betas=(0.9, 0.999))
    for _ in fit(model, islice(train.batches(c.batch, seed), c.steps), value, optimiser,
                 WarmupDecay(c.steps, c.steps // 30)):
        pass
    alike = right(model, test)
    return {"alike": alike, "wrong": 1 - alike, "longer": right(model, longer),
            "parameters": sum(p.numel() for p in model.parameters())}


def answers(model, batch: Expressions):
    """Logits of the ten digits, and what the encoder adds to the loss."""
    if isinstance(model, SequenceModel):
        logits, _ = model(one_hot(batch.x, len(WORDS)).float(), lengths=batch.lengths)
        return logits, logits.new_zeros(len(logits))
    return model(batch.x, batch.lengths, batch.heights)


def value(model, batch: Expressions, state=None) -> Scored:
    logits, penalty = answers(model, batch)
    return Scored(cross_entropy(logits, batch.y, reduction="sum") + penalty.sum(), len(batch.y), None)


@torch.no_grad()
def right(model, data: Expressions) -> float:
    """The share of values that are said right."""
    model.eval()
    found = [answers(model, data.take(slice(first, first + 100)))[0].argmax(-1) for first in range(0, data.size, 100)]
    return (torch.cat(found) == data.y).double().mean().item()


def claims(t):
    def over(column, encoder):
        return t.over_seeds(column, encoder=encoder)

    yield exceeds("on expressions like those of training, CRvNN is wrong at most 0.42 times as often as the LSTM",
                  0.42 * over("wrong", "lstm"), over("wrong", "crvnn"), 0.0)
    yield exceeds("on longer ones CRvNN is right on 15 points more than the LSTM", over("longer", "crvnn"),
                  over("longer", "lstm"), 0.15)
    yield all_hold("the same cell, told the tree, is right on 98 % of longer ones, and CRvNN at most 10 points below", [
        at_least("told", over("longer", "told"), 0.98),
        exceeds("CRvNN less what is told", over("longer", "crvnn"), over("longer", "told"), -0.1)])
    yield exceeds("without modulation 5 points of longer ones are lost", over("longer", "crvnn"),
                  over("longer", "unmodulated"), 0.05)
