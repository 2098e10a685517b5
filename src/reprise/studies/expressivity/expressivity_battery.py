"""Five small tasks that a recurrence can or cannot do, whatever it is trained on.

Paper    Sarrof et al. 2024, arXiv:2405.17394 (sarrof2024expressive); Grazzi et al. 2024, arXiv:2411.12537
         (grazzi2024unlocking); Wen et al. 2024, arXiv:2402.18510 (wen2024rnns)
Claim    Diagonal or positive transitions cannot keep parity; real ones cannot count modulo three; memories that gates
         hold keep a bit for ever; recall of pairs needs a memory addressed by content, or attention.
Here     Two layers of width 32 with a GLU; 1000 updates of 32 sequences that grow longer as training goes on, fewer
         where sequences of training are all right before.
         Accuracy at steps past the longest of training, up to twice as far, scaled so that a guess without memory is
         0. Three seeds.
Not here A search for the best learning rate of each layer: one that fails may have been unlucky. The claims are about
         medians, where the papers take the best of several runs.
Why      Modulo 3 is beyond 1000 updates for all: what learns it within 24 steps has not found the automaton, and a real
         diagonal in two layers fits so short sequences too. Attention has no shift here, and has first to find one.
         LSTM learns parity with one seed of three, a delta rule with negative eigenvalues with two.
"""
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch

from reprise.data.batches import IGNORED
from reprise.data.tasks import create_task
from reprise.lab.claims import all_hold, at_least, at_most, exceeds
from reprise.lab.figures import heat_map
from reprise.layers import list_layers
from reprise.models.language_model import LanguageModel
from reprise.training.fit import fit
from reprise.training.objectives import next_token
from reprise.training.optimisers import adamw
from reprise.training.schedules import WarmupDecay

KEY = ("layer", "task", "seed")
TABLE = ("layer", "task", "longer")
FIGURES = (
    heat_map("layer", "task", "longer", title="Right on sequences longer than any in training"),
    heat_map("layer", "task", "trained", title="Right on sequences as long as in training"),
)

TASKS = {  # name -> the task, its options, the shortest and the longest sequence of training
    "parity": ("modular_counting", {"modulus": 2}, (3, 32)),
    "mod3": ("modular_counting", {"modulus": 3}, (3, 24)),
    "flip_flop": ("flip_flop", {}, (8, 64)),
    "dyck2": ("dyck", {"kinds": 2, "depth": 6}, (4, 40)),
    "recall": ("recall", {"pairs": 4, "keys": 16, "values": 8}, (12, 40)),
}
GROWS = 0.6  # of training, in which the longest sequence grows
POSITIVE = ("mingru", "hgrn", "rg_lru", "mamba", "mamba2", "gla", "retnet")
SIGNED = ("mamba_negative", "deltanet_negative")


@dataclass(frozen=True)
class Config:
    layers: tuple[str, ...] = (
        "gru", "lstm", "slstm", *POSITIVE, *SIGNED, "deltaproduct", "deltanet", "gated_deltanet", "full_attention")
    others: tuple[str, ...] = ()  # names or patterns of layers that no claim is about: one seed each
    tasks: tuple[str, ...] = tuple(TASKS)
    seeds: int = 3
    width: int = 32
    depth: int = 2
    steps: int = 1000
    batch: int = 32
    rate: float = 1e-2


SMOKE = ("layers=gru,mamba", "tasks=parity,recall", "seeds=1", "steps=4", "batch=4")
FULL = ("others=*",)


def cells(c: Config):
    for seed, layer, task in product(range(c.seeds), c.layers, c.tasks):
        yield {"layer": layer, "task": task, "seed": seed}
    others = dict.fromkeys(layer for pattern in c.others for layer in list_layers(pattern) if layer not in c.layers)
    for layer, task in product(others, c.tasks):
        yield {"layer": layer, "task": task, "seed": 0}


def measure(c: Config, layer: str, task: str, seed: int) -> dict:
    name, options, lengths = TASKS[task]
    made = create_task(name, **options)
    model = LanguageModel(layer, width=c.width, depth=c.depth, vocabulary=made.vocabulary)
    optimiser = adamw(model, c.rate, weight_decay=0.0)
    solved, step, longest = 0, 0, lengths[1]
    for record in fit(model, growing(made, c, lengths, seed), next_token, optimiser,
                      WarmupDecay(c.steps, c.steps // 20, 0.1)):
        step = record.step
        if step % 25 == 0 and step > GROWS * c.steps:
            solved = solved + 1 if score(model, made, 0, seed + 1000, longest) > 0.999 else 0
        if solved == 3:
            break
    return {"trained": score(model, made, 0, seed + 2000, longest), "longer": score(model, made, longest, seed + 2000),
            "steps": step, "parameters": sum(p.numel() for p in model.parameters())}


def growing(task, c: Config, lengths: tuple[int, int], seed: int):
    """Batches whose longest sequence grows from the first length to the second and stays there for the rest."""
    generator, (low, high) = np.random.default_rng(seed), lengths
    for step in range(c.steps):
        longest = low + (high - low) * min((step + 1) / (GROWS * c.steps), 1)
        yield task.sample(c.batch, int(generator.integers(low, int(longest) + 1)), generator)


@torch.no_grad()
def score(model: LanguageModel, task, after: int, seed: int, length: int | None = None) -> float:
    """Accuracy on fresh sequences of `length` steps, twice `after` if not said, at those from `after` on: 0 at what a
    guess without memory gets, 1 where all is right."""
    batch = task.sample(256, 2 * after if length is None else length, np.random.default_rng(seed))
    model.eval()
    logits, _ = model(batch.x)
    asked = batch.y != IGNORED
    asked[:, :after] = False
    right = (logits.argmax(-1) == batch.y)[asked].double().mean().item()
    model.train()
    return (right - task.chance) / (1 - task.chance)


def claims(t):
    def longer(layer, task):
        return t.over_seeds("longer", layer=layer, task=task)

    def each(text, claim, layers, task, margin):
        return all_hold(text, [claim(layer, longer(layer, task), margin) for layer in layers])

    gated = ("gru", "lstm", "mingru", "mamba", "gla")
    matrices = "gated_deltanet", "deltanet", "deltanet_negative"
    yield each("diagonal transitions that no input turns negative do not keep parity, as trained here: below 0.2 each",
               at_most, POSITIVE, "parity", 0.2)
    yield each("nonlinear cells keep parity: above 0.9 each", at_least, ("gru", "lstm", "slstm"), "parity", 0.9)
    yield each("negative eigenvalues keep parity: above 0.9 each", at_least, SIGNED, "parity", 0.9)
    for better in ("deltaproduct", "gru", "lstm"):
        yield exceeds(f"modulo 3, {better} is above a real diagonal by 0.3", longer(better, "mod3"),
                      longer("mamba_negative", "mod3"), 0.3)
    yield each("gates hold a bit: above 0.9 each", at_least, gated, "flip_flop", 0.9)
    yield each("matrix memories recall pairs: above 0.9 each", at_least, matrices, "recall", 0.9)
    yield at_least("attention to all steps recalls pairs: above 0.9", longer("full_attention", "recall"), 0.9)
    yield each("vectors do not, as trained here: below 0.5 each", at_most, ("gru", "lstm", "mingru"), "recall", 0.5)
