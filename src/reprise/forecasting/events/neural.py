"""An `EventModel` as a method: built for a log, trained on it, asked of its cases."""
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import torch

from reprise.core.errors import InputError, check_counts
from reprise.core.modes import undisturbed
from reprise.core.state import move
from reprise.data.events.batches import EventBatch, Events, Following, PackedEvents, padded
from reprise.data.events.log import Case, EventLog
from reprise.data.events.split import EventSplit
from reprise.forecasting.events.method import Prediction, Timing
from reprise.models.events.clocks import clock_of, gap_scale_of
from reprise.models.events.event_model import EventModel
from reprise.training.fit import fit
from reprise.training.objectives import evaluate, next_event
from reprise.training.optimisers import adamw
from reprise.training.schedules import WarmupDecay

__all__ = ["EventNetwork", "build_model", "predictions"]

CHUNK = 2048  # steps read at once, which bounds the memory; the state is carried from one to the next
ROWS = 64  # cases read at once
TURNS = 6  # of training, after each of which the validation part is looked at


@dataclass
class EventNetwork:
    """layers, width, depth, channel, dropout: of the `EventModel`.   clock: "lognormal", "hazard" or None.

    steps: updates, of `batch` rows of `length` steps each; the weights kept are the best of six on the validation part,
    where there is one. What is the same in every run but the seed is the same to the bit.
    model, an attribute: what was trained.
    """

    layers: Any = "gru"
    width: int = 64
    depth: int = 1
    channel: Any = "glu"
    dropout: float = 0.0
    clock: str | None = "lognormal"
    steps: int = 600
    batch: int = 32
    length: int = 64
    rate: float = 3e-3
    seed: int = 0
    model: EventModel | None = field(default=None, init=False, repr=False)

    @classmethod
    def of(cls, model: EventModel) -> "EventNetwork":
        """One that has learnt already."""
        network = cls()
        network.model = model
        return network

    def fit(self, split: EventSplit) -> "EventNetwork":
        """Trains on the training part; the validation part chooses among turns."""
        check_counts("EventNetwork", steps=self.steps)
        torch.manual_seed(self.seed)
        model = build_model(split.train, self.layers, self.width, self.depth, self.channel, self.dropout,
                            clock=self.clock)
        batches = PackedEvents(split.train, self.batch, self.length, self.seed)
        optimiser = adamw(model, self.rate)
        records = fit(model, batches, next_event, optimiser, WarmupDecay(self.steps, min(self.steps // 10, 50)))
        best = float("inf")
        for turn in range(TURNS):
            for _ in islice(records, self.steps * (turn + 1) // TURNS - self.steps * turn // TURNS):
                pass
            if split.valid.cases:
                found = evaluate(model, padded(split.valid.cases, model.kinds, ROWS), next_event)
                if found < best:
                    best, kept = found, {name: weight.clone() for name, weight in model.state_dict().items()}
        if split.valid.cases:
            model.load_state_dict(kept)
        self.model = model.eval()
        return self

    def predict(self, cases: Sequence[Case]) -> Iterator[Prediction]:
        if self.model is None:
            raise InputError("EventNetwork: nothing is learnt yet; call fit(split) first")
        return predictions(self.model, cases)


def build_model(
    log: EventLog, layers: Any, width: int = 64, depth: int = 1, channel: Any = "glu", dropout: float = 0.0, *,
    clock: str | None = "lognormal",
) -> EventModel:
    """A model for a training part: its vocabulary, the scales of its gaps and attributes, a clock that fits them."""
    values = np.concatenate([case.attributes for case in log])
    scales = []
    for column in values.T:
        there = column[~np.isnan(column)]
        scales.append((float(there.mean()), float(there.std()) or 1.0) if len(there) else (0.0, 1.0))
    timing: dict[str, Any] = {}
    if log.timed and clock is not None:
        gaps = np.concatenate([case.gaps[1:] for case in log])
        timing = {"clock": clock_of(clock, gaps), "gap_scale": gap_scale_of(gaps)}
    return EventModel(layers, len(log.vocabulary), width, depth, channel, dropout, attributes=scales, **timing)


def predictions(model: EventModel, cases: Sequence[Case]) -> Iterator[Prediction]:
    """What a model says of each case, read from its beginning, the state carried over long ones."""
    device = next(model.parameters()).device
    for first in range(0, len(cases), ROWS):
        group = cases[first : first + ROWS]
        (batch,) = padded(group, model.kinds, ROWS)
        with torch.no_grad(), undisturbed(model.modules()):
            kinds, expected, costs = _read(model, move(batch, device))
        for row, case in enumerate(group):
            T = len(case)
            timing = None
            if model.clock is not None and case.times is not None:
                timing = Timing(*(np.append(np.nan, every[row, 1:T])[:T] for every in (expected, costs)))
            yield Prediction(kinds[row, : T + 1], timing)


def _read(model: EventModel, batch: EventBatch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logarithms of the chances of kinds (B T S), medians and costs of gaps (B T), piece by piece."""
    found, state = [], None
    for first in range(0, batch.x.kinds.shape[1], CHUNK):
        span = slice(first, first + CHUNK)
        x, y = Events(*(part[:, span] for part in batch.x)), Following(*(part[:, span] for part in batch.y))
        lengths = (batch.lengths - first).clamp(0, x.kinds.shape[1])
        said, state = model(x, state, lengths=lengths)
        expected = torch.zeros_like(y.gaps) if said.clock is None else model.clock.median(said.clock)
        found.append((said.kinds.double().log_softmax(-1), expected.double(), model.costs(said, y)[1].double()))
    return tuple(torch.cat(parts, 1).cpu().numpy() for parts in zip(*found, strict=True))
