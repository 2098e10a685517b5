"""Learning rates without an end, annealed on the side, forget less over a stream of tasks than cosines begun anew.

Paper    Singh et al. 2025, arXiv:2503.02844 (singh2025beyond); Ibrahim et al. 2024, arXiv:2403.08763
         (ibrahim2024simple)
Claim    A rate that stays where it is from task to task, annealed from a side branch when a model is wanted, ends with
         a lower loss over all tasks seen than a cosine re-warmed for each; with replay it is no worse. Re-warming makes
         a spike of forgetting.
Here     Four tasks of 400 updates: Shakespeare, plain and with half the letters changed in three ways, to a minGRU of
         width 64 on bytes. Every task gives each arm the same batches; in the infinite arm the last fifth of them
         anneals a copy, which is scored, and the next task goes on from before it. Nats a byte on held-out text; every
         arm with and without 10 % replay. The spike: what the first tenth of a task costs on the tasks before it,
         from where the arm goes on: a cosine's annealed end, the infinite arm's weights before any annealing.
         Three seeds.
Not here Tasks of unknown length, where a cosine has no plan; masked autoencoding of images; penalties against
         forgetting. The constant arm is never annealed, and no claim ranks it above or below the cosine.
Why      What the first tenth of a task costs is three quarters as much where the rate stays at half its largest as
         where it is warmed up anew: the shift makes most of the spike. With replay a constant rate, never annealed, is
         better than both after four short tasks.
"""
from copy import deepcopy
from dataclasses import dataclass
from itertools import islice, product
from math import log
from statistics import mean

import torch

from reprise.continual.replay import ReplayMixer
from reprise.data.batches import evaluation, windows
from reprise.data.corpora.cipher import substituted
from reprise.data.corpora.text import Text
from reprise.data.named import open_corpus
from reprise.lab.claims import all_hold, at_least, exceeds
from reprise.lab.figures import bars
from reprise.models.language_model import LanguageModel
from reprise.training.fit import fit
from reprise.training.objectives import evaluate, next_token
from reprise.training.optimisers import adamw
from reprise.training.schedules import Infinite, WarmupCosine

KEY = ("schedule", "replay", "seed")
TABLE = ("schedule", "replay", "final")
FIGURES = (
    bars("schedule", "final", "replay", title="Nats a byte, mean of all four tasks after the last"),
    bars("schedule", "spike", "replay", title="Nats a byte that the first tenth of a task costs on those before"),
    bars("schedule", "forgotten", "replay", title="Nats a byte lost on a task since it was learned"),
)

FLOOR, WARMUP, COOLDOWN, ANNEALING = 0.05, 0.04, 0.5, 0.2  # of the largest rate; of a task's updates


@dataclass(frozen=True)
class Config:
    corpus: str = "tiny-shakespeare"
    schedules: tuple[str, ...] = ("cosine", "infinite", "constant")
    replays: tuple[float, ...] = (0.0, 0.1)
    seeds: int = 3
    tasks: int = 4
    layer: str = "mingru"
    width: int = 64
    steps: int = 400  # a task
    batch: int = 16
    length: int = 64
    rate: float = 1e-2
    level: float = 0.5  # of the largest rate: where the infinite and the constant one stay
    tested: int = 20_000  # bytes a task


SMOKE = ("corpus=python-stdlib", "schedules=cosine,infinite", "replays=0.1", "seeds=1", "tasks=2", "width=16",
         "steps=10", "tested=2000")


def cells(c: Config):
    for schedule, replay, seed in product(c.schedules, c.replays, range(c.seeds)):
        yield {"schedule": schedule, "replay": replay, "seed": seed}


def measure(c: Config, schedule: str, replay: float, seed: int) -> dict:
    corpus = open_corpus(c.corpus)
    train, valid = ([substituted(text, 0.5 if task else 0.0, task) for task in range(c.tasks)]
                    for text in (corpus.train, corpus.valid))
    torch.manual_seed(seed)
    model = LanguageModel(c.layer, width=c.width, depth=1)
    going, begin, learned, spikes = (model, adamw(model, c.rate)), 0, [], []
    for task in range(c.tasks):
        batches, old = stream(c, train[:task + 1], replay, seed), valid[:task]
        rate, early, side = planned(c, schedule, begin), c.steps // 10, round((1 - ANNEALING) * c.steps)
        before = losses(c, going, old)
        advance(going, batches, rate, begin, early)
        spikes += [now - then for now, then in zip(losses(c, going, old), before, strict=True)]
        advance(going, batches, rate, begin + early, side - early)
        shown = deepcopy(going) if schedule == "infinite" else going
        advance(shown, batches, rate, begin + side, c.steps - side)
        begin += side if schedule == "infinite" else c.steps
        after = losses(c, shown, valid[:task + 1])
        learned.append(after[-1])
    lost = [now - then for now, then in zip(after[:-1], learned[:-1], strict=True)]
    return {"final": mean(after), "last": after[-1], "spike": mean(spikes), "forgotten": mean(lost)}


def planned(c: Config, schedule: str, begin: int):
    """The rate of a task that begins after so many updates, by the number of updates made."""
    match schedule:
        case "cosine":
            cosine = WarmupCosine(c.steps, round(WARMUP * c.steps), FLOOR)
            return lambda step: cosine(step - begin)
        case "infinite":
            side = begin + round((1 - ANNEALING) * c.steps)
            return Infinite(round(WARMUP * c.steps), round(COOLDOWN * c.steps), c.level, side, c.steps - (side - begin),
                            FLOOR)
    return lambda step: c.level


def stream(c: Config, seen: list[Text], replay: float, seed: int):
    """Batches of the last task, in which all before are replayed."""
    new = windows(seen[-1], c.batch, c.length, seed + len(seen))
    if len(seen) == 1:
        return new
    return ReplayMixer(windows(Text.joined(seen[:-1]), c.batch, c.length, seed), new, replay, seed)


def advance(going: tuple, batches, rate, begin: int, steps: int) -> None:
    model, optimiser = going
    for _ in fit(model, islice(batches, steps), next_token, optimiser, rate, step=begin):
        pass


def losses(c: Config, going: tuple, texts: list[Text]) -> list[float]:
    return [evaluate(going[0], evaluation(text, 32, c.length, c.tested)) * log(2) for text in texts]


def claims(t):
    def of(column, schedule, replay, times=1.0):
        return t.over_seeds(column, schedule=schedule, replay=replay) * times

    yield exceeds("without replay the infinite schedule ends more than 1 % below repeated cosines",
                  of("final", "cosine", 0.0, 0.99), of("final", "infinite", 0.0), by=0.0)
    yield exceeds("with 10 % replay it ends at most 0.5 % above them",
                  of("final", "cosine", 0.1, 1.005), of("final", "infinite", 0.1), by=0.0)
    for replay in (0.0, 0.1):
        yield all_hold(f"replay {replay:.0%}: cosines forget 0.02 nats at once, the other less than half, by 0.01", [
            at_least("there", of("spike", "cosine", replay), 0.02),
            exceeds("half", of("spike", "cosine", replay, 0.5), of("spike", "infinite", replay), by=0.01)])
    yield exceeds("without replay less of a task is lost by 0.02 nats",
                  of("forgotten", "cosine", 0.0), of("forgotten", "infinite", 0.0), by=0.02)
    yield exceeds("with replay the infinite schedule, annealed, ends 1 % below a constant rate that never is",
                  of("final", "constant", 0.1, 0.99), of("final", "infinite", 0.1), by=0.0)
