"""Models of logs of events, compared by what the next event, and the time to it, costs them."""
import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from reprise.app.comparison.contest import Entry, Recipe, Result, schedule
from reprise.app.findings.measure import Measure
from reprise.app.findings.summary import Baseline
from reprise.core.errors import InputError
from reprise.core.files import digest
from reprise.core.state import count_bytes
from reprise.data.events import EventLog, Events as Read, EventSplit, PackedEvents, open_events, split_events
from reprise.data.events.scores import going_on
from reprise.forecasting.events.counting import baseline_names, create_baseline
from reprise.forecasting.events.evaluation import EventScores, evaluate
from reprise.forecasting.events.neural import EventNetwork, build_model
from reprise.models.events.event_model import EventModel
from reprise.models.patterns import expand, told_of
from reprise.training.objectives import next_event
from reprise.training.optimisers import adamw
from reprise.training.run import Run

__all__ = ["EventLogs"]

VALIDATED, TESTED = 10_000, 200_000  # events read for a point of the curve, and for the final score, at most
SHOWN = 24  # events of a case
CHAIN = "markov"
WHY = {
    "most-frequent": "always the kinds in the order of their counts; the mean gap",
    "repeat-last": "the last event again; the mean gap after its kind",
    CHAIN: "counts of the kinds after the last {} of a case, backing off where there are few; gaps by the gap before",
}


@dataclass(frozen=True)
class EventLogs:
    """A log of one file or a known one.   by: how it is split (data/events/split.py).   length: steps of an update."""

    kind: ClassVar[str] = "events"
    unit: ClassVar[str] = "event"
    models: ClassVar[tuple[str, ...]] = ("elman", "gru", "lstm", "mingru", "rg_lru", "gated_deltanet")
    recipe: ClassVar[Recipe] = Recipe(width=64, depth=1, channel="glu", batch=32, rate=3e-3)
    keeps_best: ClassVar[bool] = True
    reads: ClassVar[tuple[str, ...]] = tuple(inspect.signature(open_events).parameters)[1:]
    measure: ClassVar[Measure] = Measure("nll", "nats", "nats per event", about="cost of the kind of the next event")

    data: tuple[str, ...]
    by: str | None = None
    length: int = 64
    reading: tuple[tuple[str, Any], ...] = ()

    def __post_init__(self) -> None:
        if len(self.data) != 1:
            raise InputError(f"a log is read from one file at a time, got {len(self.data)}: {', '.join(self.data)}")
        if not self.length > 0:
            raise InputError(f"length: expected more than 0, got {self.length}")

    @property
    def further(self) -> tuple[Measure, ...]:
        kinds = (Measure("accuracy", "right", "accuracy", higher=True, about="share of events that were likeliest"),
                 Measure("mrr", "MRR", "MRR", higher=True, about="mean of 1 / place of what came among all kinds"),
                 Measure("hit5", "hit@5", "hit@5", higher=True, about="share of events among the five likeliest"))
        if not _split(self).train.timed:
            return kinds
        unit = f", in {_split(self).train.unit}" if _split(self).train.unit else ""
        digits = _digits(_split(self).train)
        return (*kinds, Measure("time_nll", "time nats", "nats per gap", about="cost of the time to the next event"),
                Measure("time_mae", "time MAE", "time MAE", digits, 10.0**-digits,
                        about=f"mean distance of the expected time to the next event{unit}"))

    def card(self) -> dict[str, Any]:
        split, log = _split(self), _log(self)
        every = np.concatenate([case.kinds for case in log])
        return log.card() | {"digest": digest({"kinds": torch.from_numpy(every)}), "split": split.how, "parts": {
            name: [len(part), part.events] for name, part in
            (("train", split.train), ("valid", split.valid), ("test", split.test))}}

    def told(self) -> str:
        log = _log(self)
        return f"{log.told().removeprefix(f'{log.name}: ').removesuffix('.')}; {_split(self).told().removesuffix('.')}"

    def check(self, model: str, recipe: Recipe) -> None:
        expand(model, recipe.depth)

    def about(self, model: str) -> tuple[str, str]:
        return told_of(model)

    def run(self, entry: Entry, steps: int) -> Run:
        torch.manual_seed(entry.seed)
        recipe = entry.recipe
        built = build_model(_split(self).train, entry.model, recipe.width, recipe.depth, recipe.channel)
        built.to(recipe.device)
        return Run(built, self._batches(entry), adamw(built, recipe.rate), schedule(steps), next_event)

    def units(self, entry: Entry) -> int:
        batches = self._batches(entry)
        return batches.batch * batches.length

    def _batches(self, entry: Entry) -> PackedEvents:
        return PackedEvents(_split(self).train, entry.recipe.batch, self.length, entry.seed)

    def validate(self, entry: Entry, trained: nn.Module) -> float | None:
        valid = _split(self).valid
        return evaluate(EventNetwork.of(trained), _beginning(valid, VALIDATED)).nll if valid.cases else None

    def test(self, entry: Entry, trained: nn.Module) -> Result:
        return _result(evaluate(EventNetwork.of(trained), _beginning(_split(self).test, TESTED)))

    def save(self, entry: Entry, trained: EventModel, folder: Path) -> None:
        split = _split(self)
        trained.save_pretrained(folder, data=split.train.name, vocabulary=list(split.vocabulary))

    def load(self, entry: Entry, folder: Path) -> EventModel:
        return EventModel.from_pretrained(folder).to(entry.recipe.device)

    def stepper(self, entry: Entry, trained: EventModel) -> Callable[[], object]:
        device = entry.recipe.device
        event = Read(torch.zeros(1, dtype=torch.int64, device=device), torch.zeros(1, device=device),
                     torch.zeros(1, len(trained.scales), device=device))
        state = trained.initial_state(1)

        def step() -> None:
            nonlocal state
            _, state = trained.step(event, state)

        return step

    def state_bytes(self, entry: Entry, trained: EventModel) -> int:
        return count_bytes(trained.initial_state(1))

    def baselines(self) -> tuple[str, ...]:
        return tuple(baseline_names(len(_split(self).vocabulary)))

    def baseline(self, name: str) -> list[Baseline]:
        began = time.perf_counter()
        split = _split(self)
        result = _result(evaluate(create_baseline(name).fit(split), _beginning(split.test, TESTED)))
        group, _, order = name.partition("-") if name.startswith(CHAIN) else (name, "", "")
        why = WHY[group].format("event" if order == "1" else f"{order} events")
        return [Baseline(name=name, group=group, score=result.score, further=result.further, detail=result.detail,
                         seconds=time.perf_counter() - began, why=why)]

    def shown(self, entry: Entry, trained: EventModel) -> dict[str, Any]:
        """The test case of middling length, event by event: what came, what was expected, the chance of what came."""
        split = _split(self)
        case = sorted(split.test, key=len)[len(split.test) // 2]
        (said,) = EventNetwork.of(trained).predict([case])
        chances = np.exp(going_on(said.kinds))[:SHOWN]
        rows = [[split.vocabulary[kind], split.vocabulary[row.argmax()], round(float(row[kind]), 3)]
                for kind, row in zip(case.kinds, chances, strict=False)]
        return {"case": case.name, "events": rows}


@cache
def _log(contest: EventLogs) -> EventLog:
    """The data, opened once a process."""
    return open_events(contest.data[0], **dict(contest.reading))


@cache
def _split(contest: EventLogs) -> EventSplit:
    return split_events(_log(contest), contest.by)


def _beginning(log: EventLog, most: int) -> EventLog:
    """Its first cases, with as many events, or a little more."""
    before = np.cumsum([0] + [len(case) for case in log])[:-1]
    return log.take(np.flatnonzero(before < most))


def _result(scores: EventScores) -> Result:
    further = {"accuracy": scores.accuracy, "mrr": scores.mrr, "hit5": scores.hits[5]}
    if scores.time_nll is not None:
        further |= {"time_nll": scores.time_nll, "time_mae": scores.time_mae}
    by_place = [[row["first"], row["events"], round(row["nll"], 4), round(row["accuracy"], 4)]
                for row in scores.by_place]
    return Result(scores.nll, further, {"by_place": by_place, "unknown": scores.unknown})


def _digits(log: EventLog) -> int:
    """Behind the point, for errors of times to have three that count."""
    mean = float(np.mean([gap for case in log for gap in case.gaps[1:]] or [1.0])) or 1.0
    return max(2 - int(np.floor(np.log10(mean))), 0)
