"""Characters of Penn Treebank: an LSTM of three million parameters, and smaller cells beside it.

Paper    Bai et al. 2018, arXiv:1803.01271 (bai2018empirical), whose table has, with 3 million parameters each: LSTM
         1.36, GRU 1.37, tanh 1.48 bits a character
Claim    Gated cells read characters better than a tanh cell of as many parameters; LSTM and GRU are about as good. The
         published figure of the LSTM is reached, to one in twenty.
Here     Mikolov's parts of the treebank, read as bytes, in rows that carry their state; one layer between an embedding
         and a linear read-out, AdamW, warm-up and decay to zero. The files have a space before and after each
         line that the usual form of characters has not: all bits are divided by the characters of that form. Small:
         300,000 parameters and 1.5 MB read; full: 3 million and two and a half times the training part.
Not here The tuning of the paper: dropout, gradient clipping and rates chosen for each cell.
"""
from dataclasses import dataclass
from itertools import islice, product

from reprise.data import carried, evaluation, open_corpus
from reprise.lab.claims import all_hold, at_most, exceeds
from reprise.lab.figures import bars
from reprise.models.language_model import LanguageModel
from reprise.models.match import match_width
from reprise.training.fit import fit
from reprise.training.objectives import evaluate, next_token
from reprise.training.optimisers import adamw
from reprise.training.schedules import WarmupCosine

KEY = ("layer", "parameters", "seed")
TABLE = ("layer", "parameters", "test")
FIGURES = (bars("layer", "test", "parameters", title="Bits a character of the test part"),)

USUAL = (449_945 - 2 * 3_761) / 449_945  # characters of the usual form for every byte of the test part
PUBLISHED, SIZE = 1.36, 3_000_000


@dataclass(frozen=True)
class Config:
    layers: tuple[str, ...] = ("elman", "gru", "lstm")
    parameters: int = 300_000
    seeds: int = 3
    read: int = 1_500_000  # bytes
    batch: int = 32
    length: int = 100
    rate: float = 4e-3
    dropout: float = 0.0


SMOKE = ("layers=gru", "parameters=20000", "seeds=1", "read=20000", "batch=8", "length=50")
FULL = ("layers=lstm", f"parameters={SIZE}", "read=12750000", "rate=2e-3", "dropout=0.1")


def cells(c: Config):
    for seed, layer in product(range(c.seeds), c.layers):
        yield {"layer": layer, "parameters": c.parameters, "seed": seed}


def measure(c: Config, layer: str, parameters: int, seed: int) -> dict:
    corpus = open_corpus("penn-treebank")
    width = match_width(lambda width: build(c, layer, width), parameters, multiple=4)
    model = build(c, layer, width)
    steps = max(c.read // (c.batch * c.length), 1)
    optimiser = adamw(model, c.rate, weight_decay=0.01)
    batches = islice(carried(corpus.train, c.batch, c.length, seed), steps)
    for _ in fit(model, batches, next_token, optimiser, WarmupCosine(steps, steps // 50, 0.0)):
        pass
    limit = None if c.read > 100_000 else 4_000
    return {"test": evaluate(model, evaluation(corpus.test, 16, 500, limit)) / USUAL, "width": width}


def build(c: Config, layer: str, width: int) -> LanguageModel:
    return LanguageModel(layer, width=width, depth=1, channel=None, dropout=c.dropout)


def claims(t):
    def test(layer, **about):
        return t.over_seeds("test", layer=layer, **about)

    if t.planned(parameters=SIZE):
        yield at_most("an LSTM of three million parameters needs at most 1.05 times the published 1.36 bits",
                      test("lstm", parameters=SIZE), 1.05 * PUBLISHED)
        return
    yield exceeds("LSTM needs 0.05 bits a character less than tanh", test("elman"), test("lstm"), 0.05)
    yield exceeds("GRU needs 0.05 bits a character less than tanh", test("elman"), test("gru"), 0.05)
    yield all_hold("LSTM and GRU are within 0.05 bits of each other", [
        exceeds("GRU needs less by -0.05 or more", test("lstm"), test("gru"), -0.05),
        exceeds("LSTM too", test("gru"), test("lstm"), -0.05)])
