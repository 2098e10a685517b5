"""Five small tasks that a recurrence can or cannot do, whatever it is trained on.

Paper    Sarrof et al. 2024, arXiv:2405.17394 (sarrof2024expressive); Grazzi et al. 2024, arXiv:2411.12537
         (grazzi2024unlocking); Wen et al. 2024, arXiv:2402.18510 (wen2024rnns)
Claim    Diagonal or positive transitions cannot keep parity; real ones cannot count modulo three; memories that gates
         hold keep a bit for ever; recall of pairs needs a memory addressed by content, or attention.
Here     Two layers of width 32 with a GLU; 600 updates at most of 32 sequences that grow longer as training goes on.
         Accuracy on sequences two to four times as long, scaled so that a guess without memory is 0. Three seeds.
Not here A search for the best learning rate of each layer: one that fails may have been unlucky. The claims are about
         medians, where the papers take the best of several runs.
"""
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch

from reprise.data.batches import IGNORED
from reprise.data.tasks import create_task
from reprise.lab.claims import all_hold, at_least, at_most, exceeds
from reprise.models.language_model import LanguageModel
from reprise.training.fit import fit
from reprise.training.objectives import next_token
from reprise.training.optimisers import adamw
from reprise.training.schedules import WarmupDecay

KEY = ("layer", "task", "seed")
TABLE = ("layer", "task", "longer")

TASKS = {  # name -> the task, its options, lengths of training, length of the test
    "parity": ("modular_counting", {"modulus": 2}, (3, 40), 160),
    "mod3": ("modular_counting", {"modulus": 3}, (3, 40), 160),
    "flip_flop": ("flip_flop", {}, (8, 64), 256),
    "dyck2": ("dyck", {"kinds": 2, "depth": 6}, (4, 40), 160),
    "recall": ("recall", {"pairs": 4, "keys": 16, "values": 8}, (12, 40), 80),
}
POSITIVE = ("mingru", "hgrn", "rg_lru", "mamba", "mamba2", "gla", "retnet")
SIGNED = ("mamba_negative", "deltanet_negative")


@dataclass(frozen=True)
class Config:
    layers: tuple[str, ...] = (
        "gru", "lstm", "slstm", *POSITIVE, *SIGNED, "deltaproduct", "deltanet", "gated_deltanet", "full_attention")
    others: tuple[str, ...] = ()  # which no claim is about: one seed each
    tasks: tuple[str, ...] = tuple(TASKS)
    seeds: int = 3
    width: int = 32
    depth: int = 2
    steps: int = 600
    batch: int = 32
    rate: float = 1e-2


SMOKE = ("layers=gru,mamba", "tasks=parity,recall", "seeds=1", "steps=4", "batch=4")


def cells(c: Config):
    for seed, layer, task in product(range(c.seeds), c.layers, c.tasks):
        yield {"layer": layer, "task": task, "seed": seed}
    for layer, task in product(c.others, c.tasks):
        yield {"layer": layer, "task": task, "seed": 0}


def measure(c: Config, layer: str, task: str, seed: int) -> dict:
    name, options, lengths, longer = TASKS[task]
    made = create_task(name, **options)
    model = LanguageModel(layer, width=c.width, depth=c.depth, vocabulary=made.vocabulary)
    optimiser = adamw(model, c.rate, weight_decay=0.0)
    solved, step = 0, 0
    for record in fit(model, growing(made, c, lengths, seed), next_token, optimiser,
                      WarmupDecay(c.steps, c.steps // 20, 0.1)):
        step = record.step
        if step % 25 == 0:
            solved = solved + 1 if score(model, made, longer, seed + 1000) > 0.999 else 0
        if solved == 3:
            break
    return {"trained": score(model, made, lengths[1], seed + 2000), "longer": score(model, made, longer, seed + 2000),
            "steps": step, "parameters": sum(p.numel() for p in model.parameters())}


def growing(task, c: Config, lengths: tuple[int, int], seed: int):
    """Batches whose longest sequence grows from the first length to the second over three fifths of training."""
    generator, (low, high) = np.random.default_rng(seed), lengths
    for step in range(c.steps):
        longest = low + (high - low) * min((step + 1) / (0.6 * c.steps), 1)
        yield task.sample(c.batch, int(generator.integers(low, int(longest) + 1)), generator)


@torch.no_grad()
def score(model: LanguageModel, task, length: int, seed: int) -> float:
    """Accuracy on fresh sequences of this length, 0 at what a guess without memory gets and 1 where all is right."""
    batch = task.sample(256, length, np.random.default_rng(seed))
    model.eval()
    logits, _ = model(batch.x)
    asked = batch.y != IGNORED
    right = (logits.argmax(-1) == batch.y)[asked].double().mean().item()
    model.train()
    return (right - task.chance) / (1 - task.chance)


def claims(t):
    def longer(layer, task):
        return t.over_seeds("longer", layer=layer, task=task)

    def each(text, claim, layers, task, margin):
        return all_hold(text, [claim(layer, longer(layer, task), margin) for layer in layers])

    gated = ("gru", "lstm", "mingru", "mamba", "gla")
    addressed = "gated_deltanet", "deltanet", "full_attention"
    yield each("positive diagonal transitions do not keep parity: below 0.2 each", at_most, POSITIVE, "parity", 0.2)
    yield each("nonlinear cells keep parity: above 0.9 each", at_least, ("gru", "lstm", "slstm"), "parity", 0.9)
    yield each("negative eigenvalues keep parity: above 0.9 each", at_least, SIGNED, "parity", 0.9)
    yield exceeds("modulo 3, a product of reflections is above a real diagonal by 0.3", longer("deltaproduct", "mod3"),
                  longer("mamba_negative", "mod3"), 0.3)
    yield each("nonlinear cells count modulo 3: above 0.9 each", at_least, ("gru", "lstm"), "mod3", 0.9)
    yield each("gates hold a bit: above 0.9 each", at_least, gated, "flip_flop", 0.9)
    yield each("matrix memories and attention recall pairs: above 0.9 each", at_least, addressed, "recall", 0.9)
    yield each("vectors do not: below 0.5 each", at_most, ("gru", "lstm", "mingru"), "recall", 0.5)
