"""A model whose end has a rising lower bound never loops for ever, and predicts as well as one without a bound.

Paper    Choi et al. 2022, arXiv:2210.00660 (choi2022non); Welleck et al. 2020, arXiv:2002.02492
         (welleck2020consistency)
Claim    Greedy and other incomplete decoders draw texts without an end from a softmax over all tokens. Where the end
         has at least 1 - (1 - least)^t at step t every text ends, with hardly any loss of perplexity; where the end can
         only grow likelier, every text ends too, and perplexity is worse.
Here     Strings of phrases that repeat up to six times, 27 letters on average; one layer of width 64, 500 updates of 32
         strings. 100 openings, decoded greedily, from the two likeliest, from a nucleus of 0.2 and with 4 beams, up to
         log 2 / least steps, where the bound is 1/2; without a bound up to 3466 steps, 130 times the mean. `falls`: the
         largest drop of the chance of the end from one step to the next, mean over fresh strings.
Not here What of texts ends before the bound is 1/2; words, a transformer, sampling from the whole distribution, how
         good the texts are otherwise.
Why      With a bound that is 1/2 after 693 steps perplexity is 1.7 % to 1.8 % worse than that of a softmax on strings
         of 27 letters; with one five times as far, 0.8 %, for the tanh network 1.0 %.
"""
import math
from dataclasses import dataclass
from itertools import islice, product

import numpy as np
import torch

from reprise.data.batches import IGNORED
from reprise.data.tasks import create_task
from reprise.generation.beam import beam_search
from reprise.generation.decoding import continuation, decode, non_termination
from reprise.generation.monotone_terminating import MonotoneTerminating
from reprise.generation.self_terminating import SelfTerminating
from reprise.lab.claims import all_hold, at_least, at_most, exceeds
from reprise.lab.figures import bars
from reprise.models.language_model import LanguageModel
from reprise.models.sampling import Sampler
from reprise.training.fit import fit
from reprise.training.objectives import evaluate
from reprise.training.optimisers import adamw
from reprise.training.schedules import WarmupDecay

KEY = ("layer", "head", "seed")
TABLE = ("head", "layer", "perplexity")
FIGURES = (
    bars("head", "perplexity", each="layer", title="Perplexity of fresh strings"),
    bars("head", "greedy", each="layer", title="Share without an end where the bound is 1/2, greedy"),
    bars("head", "falls", each="layer", title="Largest drop of the chance of the end within a string"),
)

HEADS = {"softmax": None, "st 2e-4": MonotoneTerminating, "nmst 2e-4": SelfTerminating, "nmst 1e-3": SelfTerminating}
SAMPLERS = {"greedy": Sampler(0.0), "top_2": Sampler(top_k=2), "nucleus": Sampler(top_p=0.2)}
DECODERS = (*SAMPLERS, "beam")


@dataclass(frozen=True)
class Config:
    layers: tuple[str, ...] = ("lstm", "elman")
    heads: tuple[str, ...] = tuple(HEADS)
    seeds: int = 3
    width: int = 64
    steps: int = 500
    rate: float = 1e-2
    prompts: int = 100
    longest: int = 10_000


SMOKE = ("layers=elman", "heads=softmax,nmst 1e-3", "seeds=1", "width=8", "steps=2", "prompts=2", "longest=20")


def cells(c: Config):
    for layer, head, seed in product(c.layers, c.heads, range(c.seeds)):
        yield {"layer": layer, "head": head, "seed": seed}


def measure(c: Config, layer: str, head: str, seed: int) -> dict:
    task = create_task("repeated_phrases")
    model = LanguageModel(layer, width=c.width, depth=1, channel=None, vocabulary=task.vocabulary)
    least = 2e-4 if head == "softmax" else float(head.split()[1])
    if HEADS[head]:
        model = HEADS[head](model, task.end, least)
    objective = continuation(task.opening)
    for _ in fit(model, islice(task.batches(32, (64, 64), seed), c.steps), objective,
                 adamw(model, c.rate, weight_decay=0.0), WarmupDecay(c.steps, c.steps // 20, 0.02)):
        pass
    model.eval()
    fresh = task.sample(400, 160, np.random.default_rng(1000 + seed))
    horizon = min(math.ceil(math.log(0.5) / math.log1p(-least)), c.longest)
    found = {"perplexity": 2 ** evaluate(model, [fresh], objective), "falls": falls(model, task, fresh)}
    prompts = task.sample(c.prompts, task.shortest, np.random.default_rng(2000 + seed)).x[:, : task.opening]
    for name in DECODERS:
        texts = (beam_search(model, prompts, task.end, horizon).texts if name == "beam" else
                 decode(model, prompts, task.end, horizon, SAMPLERS[name], seed))
        (found[name],) = non_termination(texts, task.end, [horizon])
    return found


@torch.no_grad()
def falls(model, task, batch) -> float:
    """How far the chance of the end falls at most from one target of a string to the next, mean over strings."""
    chance = model(batch.x)[0].softmax(-1)[..., task.end]
    within = (batch.y[:, 1:] != IGNORED) & (batch.y[:, :-1] != IGNORED)
    return -torch.where(within, chance.diff(dim=1), 0.0).amin(1).mean().item()


def claims(t):
    layers = "lstm", "elman"

    def over(column, layer, head):
        return t.over_seeds(column, layer=layer, head=head)

    yield all_hold("of a softmax more than 5 % of greedy texts have no end", [
        at_least(layer, over("greedy", layer, "softmax"), 0.05) for layer in layers])
    for head in ("st 2e-4", "nmst 2e-4", "nmst 1e-3"):
        yield all_hold(f"{head}: all texts end by where the bound is 1/2, whatever draws them", [
            at_most(f"{decoder} {layer}", over(decoder, layer, head), 0.0)
            for layer, decoder in product(layers, DECODERS)])
    for head in ("nmst 2e-4", "nmst 1e-3"):
        yield all_hold(f"{head}: perplexity is within 1 % of a softmax's", [
            exceeds(layer, 1.01 * over("perplexity", layer, "softmax"), over("perplexity", layer, head), 0.0)
            for layer in layers])
    yield all_hold("perplexity is 1 % worse where the end can only grow likelier", [
        exceeds(layer, over("perplexity", layer, "st 2e-4"), 1.01 * over("perplexity", layer, "nmst 2e-4"), 0.0)
        for layer in layers])
    yield all_hold("the chance of the end falls by 0.1 within a string, where it may", [
        at_least(layer, over("falls", layer, "nmst 2e-4"), 0.1) for layer in layers])
