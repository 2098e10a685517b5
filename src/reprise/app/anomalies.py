"""What a model did not expect, on the command line: of series and of logs of events."""
import inspect
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from reprise.app.forecasts import is_of_events, load_forecaster, open_table, write_table
from reprise.app.process import prepare
from reprise.core.errors import InputError
from reprise.data.events import EventLog, open_events
from reprise.data.events.log import UNKNOWN
from reprise.data.series.open import open_series
from reprise.forecasting.anomalies import find_anomalies
from reprise.forecasting.events.neural import EventNetwork
from reprise.models.events.event_model import EventModel
from reprise.models.pretrained import CONFIG

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["write_anomalies"]

DEVIATIONS, NATS = 5.0, 7.0  # scores from here on are anomalies, of series and of events: seven nats are 1 in 1,100
END = "<end>"  # of a case

Reading = Mapping[str, Any]  # options of open_series or open_events


def write_anomalies(
    model: Path, data: str, reading: Reading, threshold: float | None, every: bool, out: Path | None,
) -> None:
    """What the model did not expect, an observation or event a row; all of them with their scores, where asked.

    threshold: of series in deviations, of events in nats; the usual one, if None.
    """
    prepare(1)
    of_events = is_of_events(model)
    _check_reading(model, reading, open_events if of_events else open_series)
    if threshold is None:
        threshold = NATS if of_events else DEVIATIONS
    if not threshold > 0:
        raise InputError(f"--threshold: expected a number above 0, got {threshold:g}; leave it out for the usual one")
    if of_events:
        network, vocabulary = _event_network(model)
        log = open_events(data, **reading)
        found, of = _surprises(network, log.under(vocabulary), log, threshold), "events and ends of cases"
    else:
        method = load_forecaster(model).method
        found, of = find_anomalies(method, open_table(data, reading), threshold), "observations"
    flagged = int(found["anomaly"].sum())
    write_table(found if every else found[found["anomaly"]].drop(columns="anomaly"), out)
    new = ", or are of a kind that training never saw" if of_events else ""
    print(f"{flagged:,} of {len(found):,} {of} have a score of {threshold:g} or more{new}", file=sys.stderr)


def _event_network(folder: Path) -> tuple[EventNetwork, list[str]]:
    """What `compare` saved of a log, and the kinds of event that it knows."""
    said = json.loads((folder / CONFIG).read_text())
    if "vocabulary" not in said:
        raise InputError(f"{folder}: holds a model of events without its vocabulary; give one that `compare` made")
    return EventNetwork.of(EventModel.from_pretrained(folder)), said["vocabulary"]


def _check_reading(model: Path, reading: Reading, opened: Callable[..., Any]) -> None:
    """Raises InputError for an option that says how another kind of table is read."""
    if others := [name for name in reading if name not in inspect.signature(opened).parameters]:
        kind = "series" if opened is open_series else "events"
        raise InputError(f"--{others[0].replace('_', '-')}: is no option of {kind}, and {model} is a model of {kind}; "
                         "leave it out")


def _surprises(network: EventNetwork, log: EventLog, said: EventLog, threshold: float) -> "pd.DataFrame":
    """case, place, time, event, expected, score, anomaly of every event, and of the end of every case.

        score = -log(the chance that the model gave to the kind of the event, from what came before it)

    A kind that training never saw is an anomaly whatever its score, for of its chance the model has learnt nothing.
    said: the same log with its own vocabulary, whose names are shown.   time: since the case began; in logs with times.
    """
    import pandas as pd

    known, own = np.array([*log.vocabulary, END], object), np.array([*said.vocabulary, END], object)
    strange = log.vocabulary.index(UNKNOWN) if UNKNOWN in log.vocabulary else len(known)
    parts: dict[str, list] = {}
    for case, as_said, found in zip(log, said, network.predict(log.cases), strict=True):
        truth = np.append(case.kinds, len(known) - 1)
        score = -found.kinds[np.arange(len(truth)), truth]
        row = {"case": np.full(len(truth), case.name, object), "place": np.arange(1, len(truth) + 1)}
        row |= {"time": np.append(case.times, np.nan)} if case.times is not None else {}
        row |= {"event": own[np.append(as_said.kinds, len(own) - 1)], "expected": known[found.kinds.argmax(1)],
                "score": score, "anomaly": (score >= threshold) | (truth == strange)}
        for name, values in row.items():
            parts.setdefault(name, []).append(values)
    return pd.DataFrame({name: np.concatenate(values) for name, values in parts.items()})
