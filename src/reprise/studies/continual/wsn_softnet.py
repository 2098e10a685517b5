"""A subnetwork for each task forgets nothing, shares weights with earlier ones, and is kept in few bits.

Paper    Kang et al. 2023, arXiv:2303.14962 (kang2023softnet)
Claim    Subnetworks chosen by learned scores, which use the weights of earlier tasks and never change them, forget
         nothing, are as good as a network for each task, and use less of the network than tasks that share nothing.
         With soft edges, few examples of new classes are learned better than in a binary subnetwork or the whole net.
Here     8 x 8 digits with permuted pixels: 8 tasks, an MLP of 64-128-128 with a head for each task; and 4 tasks, a GRU
         of width 32 that reads rows of pixels. Few examples: 5 digits known, 5 more come one by one with 5 examples
         each, prototypes of 128 features; the mean over 4 draws. Three seeds. Rates and EWC's strength: of other seeds.
Not here CIFAR, Omniglot, Tiny-ImageNet; convolutions; batch norms of each task.
Why      Soft edges are 0.01 above fine-tuning with a small rate; prototypes alone, of features that are frozen, do
         nearly as well, so there is little to gain here.
"""
from dataclasses import dataclass
from itertools import islice, product
from statistics import mean

import torch

from reprise.continual.few_shot import join_classes
from reprise.continual.huffman import pack_masks
from reprise.continual.learning import Course, learn_tasks
from reprise.continual.measures import average_accuracy, backward_transfer, harmonic_accuracy
from reprise.continual.prototypes import prototypes_of
from reprise.continual.strategies.ewc import EWC
from reprise.continual.strategies.own_values import OwnValues
from reprise.continual.strategies.softnet import SoftNet
from reprise.continual.strategies.winning_subnetworks import WinningSubnetworks
from reprise.continual.strategy import Chain, Strategy
from reprise.continual.streams import Task, permuted_inputs
from reprise.data.digits import open_digits
from reprise.lab.claims import all_hold, at_least, at_most, exceeds
from reprise.lab.figures import bars
from reprise.models.feedforward.mlp import MLP
from reprise.models.sequence_model import SequenceModel

KEY = ("part", "method", "share", "seed")
FIGURES = (
    bars("method", "accuracy", "share", where={"part": "mlp"}, title="Mean accuracy on all tasks after the last: MLP"),
    bars("method", "accuracy", where={"part": "few"}, title="Harmonic accuracy of known and new digits"),
)

LAYERS = ("hidden.0", "hidden.2")
CELL = "into", "stack.blocks.0.layer.from_x", "stack.blocks.0.layer.from_h"
RATES = {"wsn": 1e-2, "packing": 1e-2, "separate": 1e-2, "fine-tuning": 2e-3, "ewc": 2e-3}
FEW_RATES = {"softnet": 0.1, "binary": 0.1, "fine-tuning": 0.005, "frozen": 0.0}
WHOLE = 1.0  # the share where nothing is masked
GRID = {
    "mlp": [*product(("fine-tuning", "ewc", "separate"), (WHOLE,)), *product(("wsn", "packing"), (0.05, 0.3))],
    "gru": [("fine-tuning", WHOLE), ("separate", WHOLE), ("wsn", 0.5)],
    "few": [("fine-tuning", WHOLE), ("frozen", WHOLE), ("softnet", 0.5), ("binary", 0.5)],
}


@dataclass(frozen=True)
class Config:
    parts: tuple[str, ...] = tuple(GRID)
    seeds: int = 3
    tasks: int = 8
    epochs: int = 10
    digits: int = 1437
    width: int = 128
    strength: float = 100.0  # of EWC
    draws: int = 4  # of known and new digits
    updates: int = 20  # from the examples of a new digit


SMOKE = ("seeds=1", "tasks=2", "epochs=1", "digits=100", "width=16", "draws=1", "updates=2")


def cells(c: Config):
    for seed, part in product(range(c.seeds), c.parts):
        for method, share in GRID[part]:
            yield {"part": part, "method": method, "share": share, "seed": seed}


def measure(c: Config, part: str, method: str, share: float, seed: int) -> dict:
    if part == "few":
        return {"accuracy": mean(few(c, method, share, 100 * seed + draw) for draw in range(c.draws))}
    train, test = open_digits("digits")
    tasks = list(islice(permuted_inputs(train.take(slice(0, c.digits)), test, seed), c.tasks if part == "mlp" else 4))
    course = Course(lambda model: torch.optim.Adam(model.parameters(), RATES[method]), c.epochs, seed=seed)
    if method == "separate":
        alone = [learn_tasks(net(c, part, seed), [task], course).scores for task in tasks]
        return {"accuracy": mean(map(average_accuracy, alone)), "transfer": 0.0, "used": float(len(tasks))}
    strategy = OwnValues(("out",))
    if method == "ewc":
        strategy = Chain((strategy, EWC(c.strength, without=("out",))))
    elif share < WHOLE:
        generator = torch.Generator().manual_seed(seed)
        strategy = WinningSubnetworks(LAYERS if part == "mlp" else CELL, share, method == "wsn", generator)
    learned = learn_tasks(net(c, part, seed), tasks, course, strategy)
    found = {"accuracy": average_accuracy(learned.scores), "transfer": backward_transfer(learned.scores), "used": 1.0}
    if share < WHOLE:
        half, used = (learned.strategy.used_share(count) for count in (len(tasks) // 2, None))
        found |= {"used": used, "growth": used / half - 1, "bits": pack_masks(learned.strategy.masks).bits_each}
    return found


def net(c: Config, part: str, seed: int):
    torch.manual_seed(seed)
    return SequenceModel("gru", 8, 10, 32, 1, None, read="last") if part == "gru" else MLP(64, 10, (c.width, c.width))


def few(c: Config, method: str, share: float, seed: int) -> float:
    """Harmonic accuracy after 5 digits have joined 5 known ones."""
    generator, (train, test) = torch.Generator().manual_seed(seed), open_digits("digits")
    train = train.take(torch.randperm(train.size, generator=generator))
    old, new = torch.randperm(10, generator=generator).split(5)
    model, known, soft = net(c, "few", seed), of(train, old), method == "softnet"
    strategy = SoftNet(LAYERS, LAYERS[1:], share, soft, generator) if share < WHOLE else Strategy()
    course = Course(lambda model: torch.optim.Adam(model.parameters(), 5e-3), c.epochs, seed=seed)
    strategy = learn_tasks(model, [Task(known, known)], course, strategy).strategy
    sessions = [of(train, digit).take(slice(0, 5)) for digit in new.split(1)]
    prototypes, _ = join_classes(model, prototypes_of(model, [known], features), sessions, features,
                                 lambda model: torch.optim.SGD(model.parameters(), FEW_RATES[method]), strategy,
                                 updates=c.updates)
    return harmonic_accuracy(*((prototypes.classify(features(model, part)) == part.y).float().mean().item()
                               for part in (of(test, old), of(test, new))))


def features(model: MLP, batch):
    return model.hidden(batch.x.flatten(1))


def of(data, digits):
    return data.take(torch.isin(data.y, digits))


def claims(t):
    def at(column, method, share=WHOLE, part="mlp"):
        return t.over_seeds(column, part=part, method=method, share=share)

    yield all_hold("subnetworks transfer nothing back, good or bad, where fine-tuning loses 0.2", [
        *(claim(f"{part} {share}", at("transfer", "wsn", share, part), 0.0) for claim in (at_least, at_most)
          for part, share in (("mlp", 0.05), ("mlp", 0.3), ("gru", 0.5))),
        at_most("fine-tuning", at("transfer", "fine-tuning"), -0.2)])
    yield all_hold("with 0.3 of the weights, accuracy is at most 0.02 below separate networks, 0.05 above EWC", [
        exceeds("separate", at("accuracy", "wsn", 0.3), at("accuracy", "separate"), -0.02),
        exceeds("EWC", at("accuracy", "wsn", 0.3), at("accuracy", "ewc"), 0.05)])
    yield all_hold("in a GRU, with half of them, at most 0.02 below separate networks, 0.05 above fine-tuning", [
        exceeds(other, at("accuracy", "wsn", 0.5, "gru"), at("accuracy", other, part="gru"), by)
        for other, by in (("separate", -0.02), ("fine-tuning", 0.05))])
    yield all_hold("packing uses more of the network than masks that are shared, by more than random ones would save", [
        exceeds(f"{share} used", at("used", "packing", share), at("used", "wsn", share), by)
        for share, by in ((0.05, 0.063), (0.3, 0.1))])
    yield at_most("masks of 0.3 take 0.05 bits a weight and task less than the entropy, 0.881, of random ones",
                  at("bits", "wsn", 0.3), 0.831)
    yield all_hold("few examples: soft edges are above a binary subnetwork and above fine-tuning, by 0.02 each", [
        exceeds(other, at("accuracy", "softnet", 0.5, "few"), at("accuracy", other, share, "few"), 0.02)
        for other, share in (("binary", 0.5), ("fine-tuning", WHOLE))])
