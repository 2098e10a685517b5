"""Baselines of the time to the next event: as in training, after the kind before, after the gap before."""
import numpy as np
import torch
from jaxtyping import Float64, Int64

from reprise.data.events.log import Case, EventLog
from reprise.forecasting.events.method import Timing
from reprise.models.events.clocks import clock_of, create_clock

__all__ = ["AnyGap", "GapAfterGap", "GapAfterKind"]


class GapAfterKind:
    """A mass at 0 and an exponential distribution above it for each kind of the event before; expects their median.

    What is rare leans on all gaps, as if one of each had been seen beside it.
    """

    def __init__(self, log: EventLog) -> None:
        gaps = np.concatenate([case.gaps[1:] for case in log])
        before = np.concatenate([self.before(case) for case in log])
        places, above = len(log.vocabulary), gaps > 0
        mean = float(gaps[above].mean()) if above.any() else 1.0
        count, some = np.bincount(before, minlength=places), np.bincount(before, above, minlength=places)
        self._at_once = (count - some + _share(gaps)) / (count + 1)
        self._mean = (np.bincount(before, gaps, minlength=places) + mean) / (some + 1)
        overall = float(np.median(gaps)) if len(gaps) else 0.0
        self._median = np.array([np.median(gaps[before == place]) if count[place] else overall
                                 for place in range(places)])

    def before(self, case: Case) -> Int64[np.ndarray, " T"]:
        """Of every gap, what is known of the event before it."""
        return case.kinds[:-1]

    def __call__(self, case: Case) -> Timing:
        before, gaps = self.before(case), case.gaps[1:]
        mean, at_once = self._mean[before], self._at_once[before]
        costs = np.where(gaps > 0, gaps / mean + np.log(mean) - np.log1p(-at_once), -np.log(at_once))
        return _timing(case, self._median[before], costs)


class AnyGap(GapAfterKind):
    """The same for all gaps, whatever came before."""

    def before(self, case: Case) -> Int64[np.ndarray, " T"]:
        return np.zeros_like(case.kinds[:-1])


class GapAfterGap:
    """A rate that is constant in stretches, counted for each stretch that the gap before was in: a chain of gaps.

    Stretches hold about as many gaps of training each. Where there was no gap before, or one of 0, is a place as well.
    """

    def __init__(self, log: EventLog) -> None:
        gaps = np.concatenate([case.gaps[1:] for case in log])
        name, options = clock_of("hazard", gaps)
        self._clock = create_clock((name, options))
        self._edges, rates = np.array(options["edges"]), np.array(options["rates"])
        before = np.concatenate([self._before(case) for case in log])
        lows, highs = np.append(0.0, self._edges), np.append(self._edges, np.inf)
        table = np.zeros((len(rates) + 2, self._clock.size))
        for place in range(len(table)):
            mine = gaps[before == place]
            above = mine[mine > 0]
            at_once = (len(mine) - len(above) + _share(gaps)) / (len(mine) + 1)
            spent = (np.minimum(above[:, None], highs) - lows).clip(0).sum(0)
            seen = np.histogram(above, np.append(lows, np.inf))[0]
            table[place, 0] = np.log(at_once) - np.log1p(-at_once)
            table[place, 1:] = np.log((seen + 1) / (spent + 1 / rates) / rates)  # one event more, at the rate of all
        self._table = torch.from_numpy(table)
        self._medians = self._clock.median(self._table).numpy()

    def _before(self, case: Case) -> Int64[np.ndarray, " T"]:
        """0 where no gap came before, 1 for a gap of 0, and from 2 on the stretches."""
        gaps = case.gaps[1:-1]
        places = np.where(gaps > 0, 2 + np.searchsorted(self._edges, gaps, side="right"), 1)
        return np.append(0, places)[: max(len(case) - 1, 0)]

    def __call__(self, case: Case) -> Timing:
        before = self._before(case)
        costs = self._clock.cost(self._table[before], torch.from_numpy(case.gaps[1:]))
        return _timing(case, self._medians[before], costs.numpy())


def _share(gaps: Float64[np.ndarray, " N"]) -> float:
    """Of gaps of 0, never quite none nor all."""
    return float(((gaps == 0).sum() + 0.5) / (len(gaps) + 1))


def _timing(case: Case, expected: Float64[np.ndarray, " T"], costs: Float64[np.ndarray, " T"]) -> Timing:
    """Before the first event there is no gap."""
    return Timing(*(np.append(np.nan, values)[: len(case)] for values in (expected, costs)))
