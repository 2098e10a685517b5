"""Answers that point at what was read, against answers from a dictionary, on hulls and tours of points.

Paper    Vinyals et al. 2015, arXiv:1506.03134 (vinyals2015pointer)
Claim    A decoder whose softmax is over the places of the input learns geometric problems that a fixed dictionary of
         answers does not, with attention or without, and goes on to inputs longer than any of training. At 50 points
         the paper has 72.6 % of hulls exact with pointers, 38.9 % with attention, 1.9 % without.
Here     Convex hulls of 4 to 8 random points, LSTMs of width 96, 40,000 problems and 2000 updates for each; hulls of 5,
         8 and 12 points by greedy decoding. A hull is right up to where it begins; its area counts where it is a simple
         polygon. Closed tours of 6 points, whose shortest one is known, by pointers that visit each once. Three seeds.
Not here Beam search; Delaunay triangulations; more than 12 points.
Why      Of hulls of 8 points 0.6 are exact after 2000 updates of 128; the paper trains on a million examples. Polygons
         whose sides cross count as no area.
"""
from dataclasses import dataclass
from itertools import islice, product

import numpy as np
import torch

from reprise.data.geometry import (
    convex_hull,
    is_simple,
    polygon_area,
    problems,
    shortest_tour,
    tour_length,
)
from reprise.data.labelled import Labelled, labelled_batches
from reprise.generation.decoding import decode
from reprise.lab.claims import at_least, at_most, exceeds
from reprise.lab.figures import bars
from reprise.models.encoder_decoder import DictionaryNetwork, PointerNetwork
from reprise.models.sampling import Sampler
from reprise.training.fit import fit
from reprise.training.objectives import answers
from reprise.training.schedules import WarmupDecay

KEY = ("problem", "decoder", "seed")
FIGURES = (
    bars("decoder", "exact_8", title="Hulls of 8 points that are exact"),
    bars("decoder", "area_12", title="Area of hulls of 12 points, more than any of training"),
    bars("decoder", "tour", title="Length of tours of 6 points, over the shortest"),
)

DECODERS = ("pointer", "attention", "dictionary")
SIZES = (4, 8)  # of training
TOWNS = 6


@dataclass(frozen=True)
class Config:
    seeds: int = 3
    width: int = 96
    samples: int = 40_000
    steps: int = 2_000
    batch: int = 128
    rate: float = 3e-3
    tests: int = 500


SMOKE = ("seeds=1", "width=8", "samples=64", "steps=3", "batch=16", "tests=4")


def cells(c: Config):
    for seed, decoder in product(range(c.seeds), DECODERS):
        yield {"problem": "hull", "decoder": decoder, "seed": seed}
    for seed in range(c.seeds):
        yield {"problem": "tour", "decoder": "pointer", "seed": seed}


def measure(c: Config, problem: str, decoder: str, seed: int) -> dict:
    generator, tours = np.random.default_rng(seed), problem == "tour"
    solve, sizes = (shortest_tour, (TOWNS, TOWNS)) if tours else (convex_hull, SIZES)
    data = problems(solve, c.samples, sizes, generator)
    if decoder == "pointer":
        model = PointerNetwork(2, c.width, once=tours)
    else:
        model = DictionaryNetwork(2, c.width, words=SIZES[1], attends=decoder == "attention")
    optimiser = torch.optim.Adam(model.parameters(), c.rate)
    for _ in fit(model, islice(labelled_batches(data, c.batch, seed), c.steps), answers, optimiser,
                 WarmupDecay(c.steps, c.steps // 50, 0.02)):
        pass
    if tours:
        return {"tour": lengths(model, problems(solve, c.tests, sizes, generator))}
    found = {}
    for points in (5, SIZES[1], 12):
        exact, area = hulls(model, problems(solve, c.tests, (points, points), generator))
        found |= {f"exact_{points}": exact, f"area_{points}": area}
    return found


def said(model, data: Labelled) -> list[list[int]]:
    """The places answered to each problem, from 0, without the end."""
    reading = model.eval().reading(data.x, data.lengths)
    prompts = torch.zeros(data.size, 1, dtype=torch.int64)
    texts = decode(reading, prompts, 0, data.x.shape[1] + 1, Sampler(0.0)).tolist()
    return [[place - 1 for place in text[: text.index(0) if 0 in text else len(text)]] for text in texts]


def hulls(model, data: Labelled) -> tuple[float, float]:
    """The share that is exact, wherever it begins, and the mean share of the area; none where sides cross."""
    exact, area = [], []
    for x, found, y in zip(data.x, said(model, data), data.y.tolist(), strict=True):
        right = [place - 1 for place in y[: y.index(0)]]
        turned = found[found.index(min(found)):] + found[: found.index(min(found))] if found else found
        exact.append(turned == right)
        simple = max(found, default=-1) < len(x) and is_simple(x, found)
        area.append(polygon_area(x, found) / polygon_area(x, right) if simple else 0.0)
    return float(np.mean(exact)), float(np.mean(area))


def lengths(model, data: Labelled) -> float:
    """The mean length of a tour over that of the shortest."""
    return float(np.mean([tour_length(x, found) / tour_length(x, [place - 1 for place in y[:-1]])
                          for x, found, y in zip(data.x, said(model, data), data.y.tolist(), strict=True)]))


def claims(t):
    def hull(column, decoder):
        return t.over_seeds(column, problem="hull", decoder=decoder)

    yield at_least("pointers get more than 60 % of hulls of 8 points exact", hull("exact_8", "pointer"), 0.6)
    yield at_least("their hulls of 8 points have 97 % of the area", hull("area_8", "pointer"), 0.97)
    for decoder in DECODERS[1:]:
        yield exceeds(f"pointers get 15 points more of them exact than {decoder}", hull("exact_8", "pointer"),
                      hull("exact_8", decoder), 0.15)
    yield at_least("hulls of 12 points, more than any of training, have 90 % of the area by pointers",
                   hull("area_12", "pointer"), 0.9)
    yield at_most("tours by pointers are at most 1.1 times the shortest",
                  t.over_seeds("tour", problem="tour", decoder="pointer"), 1.1)
