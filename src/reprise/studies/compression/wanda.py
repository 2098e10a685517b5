"""Half of a model's weights can go at once, if a weight counts by its size times the norm of what it is given.

Paper    Sun et al. 2023, arXiv:2306.11695 (sun2023simple)
Claim    |W_ij| ||X_j|| compared within each output row prunes language models to 50 % or 2:4 without training again:
         far better than magnitude, about as well as SparseGPT, which also mends the weights; comparing within rows
         matters. It is features of a few large inputs that magnitude does not know of.
Here     Models of bytes with two blocks of width 64 (GRU, minGRU, GLA, each with a GLU), 600 updates on Shakespeare;
         128 sequences of 64 bytes to calibrate; the increase of perplexity a byte on text that neither has seen.
         As trained, and with outliers planted: 4 channels before each GLU and in it are 20 times as large, and what
         reads them 20 times as small, which changes no output. Three seeds.
Not here Outliers that training makes by itself, which need billions of parameters; training on after pruning.
Why      As trained Wanda harms a GRU and a minGRU about as much as magnitude does, and GLA half as much; with four
         channels twenty times as large it is ahead everywhere, but by less than half of the harm for the two.
"""
from dataclasses import dataclass
from itertools import islice, product

import torch

from reprise.compression.pruning import prune_magnitude, prune_random, prune_wanda
from reprise.compression.sparsegpt import prune_sparsegpt
from reprise.data.batches import evaluation, windows
from reprise.data.named import open_corpus
from reprise.lab.claims import all_hold, at_least, at_most, exceeds
from reprise.lab.figures import bars
from reprise.models.language_model import LanguageModel
from reprise.training.fit import fit
from reprise.training.objectives import evaluate, next_token
from reprise.training.optimisers import adamw
from reprise.training.schedules import WarmupCosine

KEY = ("layer", "planted", "seed")
TABLE = ("layer", "planted", "wanda_to_magnitude_50")
FIGURES = (
    bars("layer", "wanda_to_magnitude_50", "planted", title="Wanda's harm for one of magnitude's, half the weights"),
    bars("layer", "wanda_50", "planted", title="Increase of perplexity by Wanda, half the weights"),
    bars("layer", "magnitude_50", "planted", title="Increase of perplexity by magnitude, half the weights"),
    bars("layer", "wanda_to_sparsegpt_50", "planted", title="Wanda's harm for one of SparseGPT's, half the weights"),
)

AMOUNTS = {"30": {"sparsity": 0.3}, "50": {"sparsity": 0.5}, "60": {"sparsity": 0.6}, "70": {"sparsity": 0.7},
           "2_4": {"pattern": (2, 4)}}
RATIOS = (("wanda", "magnitude", "50"), ("wanda", "magnitude", "2_4"), ("wanda", "wanda_of_layer", "50"),
          ("wanda", "sparsegpt", "50"), ("random", "wanda", "50"))
LARGER, CHANNELS = 20.0, 4


@dataclass(frozen=True)
class Config:
    corpus: str = "tiny-shakespeare"
    layers: tuple[str, ...] = ("gru", "mingru", "gla")
    seeds: int = 3
    width: int = 64
    depth: int = 2
    steps: int = 600
    batch: int = 16
    length: int = 64
    rate: float = 1e-2
    calibration: int = 128  # sequences
    tested: int = 30_000  # bytes


SMOKE = ("corpus=python-stdlib", "layers=mingru", "seeds=1", "width=16", "steps=4", "calibration=4", "tested=2000")


def cells(c: Config):
    for layer, planted, seed in product(c.layers, (False, True), range(c.seeds)):
        yield {"layer": layer, "planted": planted, "seed": seed}


def measure(c: Config, layer: str, planted: bool, seed: int) -> dict:
    corpus = open_corpus(c.corpus)
    model = trained(c, corpus, layer, seed)
    if planted:
        plant(model, seed)
    calibration = [next(windows(corpus.train, c.calibration, c.length, seed + 100))]
    dense, weights = perplexity(c, corpus, model), {n: p.detach().clone() for n, p in model.named_parameters()}
    found = {"dense": dense}
    for method, amount in methods():
        model.load_state_dict(weights)
        prune(model, method, calibration, seed, AMOUNTS[amount])
        found[f"{method}_{amount}"] = perplexity(c, corpus, model) - dense
    for one, other, amount in RATIOS:
        first, second = found[f"{one}_{amount}"], found[f"{other}_{amount}"]
        found[f"{one}_to_{other}_{amount}"] = first / second if second > 0 else float("nan")
    return found


def methods():
    yield from product(("wanda", "magnitude"), AMOUNTS)
    yield from product(("sparsegpt",), ("50", "2_4"))
    yield from product(("wanda_of_layer", "random"), ("50",))


def prune(model, method: str, calibration: list, seed: int, amount: dict) -> None:
    match method:
        case "wanda":
            prune_wanda(model, calibration, **amount)
        case "wanda_of_layer":
            prune_wanda(model, calibration, group="layer", **amount)
        case "sparsegpt":
            prune_sparsegpt(model, calibration, **amount)
        case "magnitude":
            prune_magnitude(model, **amount)
        case "random":
            prune_random(model, torch.Generator().manual_seed(seed), **amount)


def trained(c: Config, corpus, layer: str, seed: int) -> LanguageModel:
    torch.manual_seed(seed)
    model = LanguageModel(layer, width=c.width, depth=c.depth)
    batches = islice(windows(corpus.train, c.batch, c.length, seed), c.steps)
    for _ in fit(model, batches, next_token, adamw(model, c.rate), WarmupCosine(c.steps, c.steps // 20)):
        pass
    return model


@torch.no_grad()
def plant(model: LanguageModel, seed: int) -> None:
    """A few channels larger than the rest, and what they meet next as much smaller: the same function."""
    generator = torch.Generator().manual_seed(seed)
    for block in model.stack.blocks:
        glu = block.channel
        for above, below in ((block.before_channel.weight, (glu.gate, glu.from_x)), (glu.from_x.weight, (glu.out,))):
            chosen = torch.randperm(len(above), generator=generator)[:CHANNELS]
            above[chosen] *= LARGER
            for linear in below:
                linear.weight[:, chosen] /= LARGER


def perplexity(c: Config, corpus, model: LanguageModel) -> float:
    return 2 ** evaluate(model, evaluation(corpus.valid, 32, c.length, c.tested))


def claims(t):
    layers = Config().layers

    def each(text, claim, column, planted, margin):
        return all_hold(text, [claim(layer, t.over_seeds(column, layer=layer, planted=planted), margin)
                               for layer in layers])

    yield each("half the weights, outliers planted: Wanda harms at most half as much as magnitude",
               at_most, "wanda_to_magnitude_50", True, 0.5)
    yield each("half the weights, as trained: at most 0.9 times as much",
               at_most, "wanda_to_magnitude_50", False, 0.9)
    yield all_hold("without planted outliers the gap shrinks: the ratio is larger by 0.1", [
        exceeds(layer, *(t.over_seeds("wanda_to_magnitude_50", layer=layer, planted=planted)
                         for planted in (False, True)), by=0.1) for layer in layers])
    yield each("2:4, as trained: Wanda harms at most 0.9 times as much as magnitude",
               at_most, "wanda_to_magnitude_2_4", False, 0.9)
    yield each("comparing within rows harms at most 0.95 times as much as within a layer",
               at_most, "wanda_to_wanda_of_layer_50", False, 0.95)
    yield each("Wanda harms at most 1.25 times as much as SparseGPT, which mends the weights",
               at_most, "wanda_to_sparsegpt_50", False, 1.25)
    yield each("weights at random harm at least three times as much", at_least, "random_to_wanda_50", False, 3.0)
