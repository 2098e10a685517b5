"""Where a forecaster stands: what it has read of each series, what it says of what follows; and moved on."""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from reprise.core.errors import InputError, suggest
from reprise.core.modes import undisturbed
from reprise.core.state import growing, map_state, select
from reprise.data.series.clock import MONTHS, ahead
from reprise.data.series.cycle import first_tick
from reprise.data.series.panel import SECONDS, Series, Step
from reprise.data.series.reading.rows import stamp
from reprise.forecasting.method import Forecast
from reprise.forecasting.recurrent.reading import Fitted, told
from reprise.models.forecast.forecast_model import ForecastState

__all__ = [
    "Standing", "begin", "following", "forecast_one", "known_ahead", "last_value", "read_on", "read_one", "scaled",
    "static_rows",
]

COUNTED = 1000  # steps that are counted from one stamp; so many are written out to say when the next one is
FARTHEST = 1e9  # deviations from the mean of training: float32 holds the square


@dataclass(frozen=True, eq=False)
class Standing:
    """Of N series: the stamp of a value read, how many were read since, what is known of the steps that follow.

    state: of the model.   known: of each series, covariates (F K) from its next step on.
    """

    names: tuple[str, ...]
    step: Step
    times: np.ndarray
    since: np.ndarray
    state: ForecastState
    known: tuple[np.ndarray, ...] = ()

    def next_times(self, place: int, count: int) -> np.ndarray:
        """The stamps of the `count` steps that follow what was read of a series."""
        since = int(self.since[place])
        return ahead(self.times[place : place + 1], self.step, since + count)[since:]

    def place(self, name: str) -> int:
        """Of the series of that name. Raises InputError where there is none."""
        if name not in self.names:
            raise InputError(f"no series {name!r} was fitted{suggest(name, self.names)}")
        return self.names.index(name)

    def moved(self, state: ForecastState, steps: np.ndarray | int = 1) -> "Standing":
        """So many steps further on."""
        times, since = self.times, self.since + steps
        if since.max() > COUNTED and self.step.unit in SECONDS:  # steps by the calendar are counted from one that tells
            times, since = times + since * np.timedelta64(SECONDS[self.step.unit] * self.step.count, "s"), 0 * since
        return replace(self, state=state, times=times, since=since)


def begin(fitted: Fitted, series: Sequence[Series], step: Step) -> Standing:
    """Before the first value of each of these series."""
    model, B = fitted.model, 1 if fitted.together else len(series)
    telling = np.array([_telling(s.times, step) for s in series])
    return Standing(tuple(s.name for s in series), step, np.array([s.times[i] for s, i in zip(series, telling)]),
                    -1 - telling, model.initial_state(B), tuple(s.known[:0] for s in series) if model.known else ())


def _telling(times: np.ndarray, step: Step) -> int:
    """Which stamp tells the clock: by the month one inside its month, as 28 February may be of the 28th or the last."""
    if step.unit not in MONTHS:
        return 0
    days = times.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    return int(np.where((days + 1).astype("datetime64[M]") == months, days - months, np.timedelta64(-1, "D")).argmax())


def following(series: Series, standing: Standing, place: int) -> Series:
    """The part of a series that was not read yet: its values, if any, and what is known of the steps that come next.

    Raises InputError where it does not begin with the next step.
    """
    (expected,) = standing.next_times(place, 1)
    new = int(np.searchsorted(series.times, expected))
    if new == len(series):  # covariates may reach further all the same
        new = first_tick(replace(series, times=expected[None]), standing.step) - first_tick(series, standing.step)
    elif series.times[new] != expected:
        raise InputError(f"update: the next step of {series.name!r} is {stamp(expected)}, got "
                         f"{stamp(series.times[new])}; give all rows in between, empty ones for what is missing")
    return replace(series, times=series.times[new:], values=series.values[new:], seen=series.seen[new:],
                   known=series.known[new:])


def scaled(fitted: Fitted, values: np.ndarray, place: np.ndarray | int) -> np.ndarray:
    """Values of the series at these places, on the scale of training. Raises InputError for one that is absurd."""
    found = (values - fitted.scales.means[place]) / fitted.scales.deviations[place]
    if (far := np.abs(found).max(initial=0)) > FARTHEST:
        raise InputError(f"expected values within {FARTHEST:g} deviations of those it was fitted to, got one {far:.3g} "
                         "away; leave it empty where it is a mistake, fit again where it is none")
    return found


def read_on(fitted: Fitted, standing: Standing, fresh: Mapping[int, Series]) -> Standing:
    """After the values of `fresh`, by the place of their series, which follow what was read; the others stay.

    Raises InputError where series that are read together come without each other, or covariates do not reach.
    """
    model, places = fitted.model, range(len(standing.names))
    counts = np.array([len(fresh[place]) if place in fresh else 0 for place in places])
    if fitted.together and len(set(counts.tolist())) != 1:
        raise InputError(f"series that are read together go on together; got {counts.min()} to {counts.max()} new "
                         "values")
    like, T = model.out.weight, int(counts.max())
    values = np.zeros((len(counts), T))
    for place, series in fresh.items():
        values[place, : len(series)] = scaled(fitted, series.values, place)
    known = [_longer(standing.known[p], fresh.get(p)) for p in places] if model.known else []
    y = torch.from_numpy(values).to(like)
    lengths = None if fitted.together or (counts == T).all() else torch.from_numpy(counts)
    about = _stacked(known[:1] if fitted.together else known, counts, standing.names, like)
    with torch.no_grad(), undisturbed(model.modules()):
        state = model.advance(y.T[None] if fitted.together else y[..., None], standing.state, lengths=lengths,
                              known=about, static=static_rows(fitted, 1 if fitted.together else len(counts)))
    return replace(standing.moved(state, counts), known=tuple(z[n:] for z, n in zip(known, counts)))


def read_one(fitted: Fitted, standing: Standing, place: int, value: float) -> Standing:
    """After one more value of one series. Raises InputError where series are not read alone or covariates are read."""
    model = fitted.model
    if fitted.together or model.known or not np.isfinite(value):
        raise InputError(f"expected a finite value of a series that is read alone, without covariates, got {value} of "
                         f"{standing.names[place]!r}; give rows of all series to `update`")
    row, relative = torch.tensor([place]), float(scaled(fitted, np.array(value), place))
    y, counts = model.out.weight.new_full((1, 1, 1), relative), np.arange(len(standing.names)) == place
    static = static_rows(fitted, len(counts))
    with torch.no_grad():
        if growing(standing.state):  # a row alone would be longer than the others
            after = model.advance(y.expand(len(counts), 1, 1), standing.state, static=static,
                                  lengths=torch.from_numpy(counts.astype(np.int64)))
        else:
            alone = model.advance(y, select(standing.state, row), static=None if static is None else static[row])
            after = map_state(lambda whole, part: whole.index_copy(0, row, part), standing.state, alone)
    return standing.moved(after, counts.astype(np.int64))


def last_value(fitted: Fitted, standing: Standing, name: str) -> float:
    """The last value that was read of a series. Raises InputError where none was."""
    place = standing.place(name)
    if standing.since[place] < 0:
        raise InputError(f"nothing was read of {name!r} yet; begin with a value")
    row, column = (0, place) if fitted.together else (place, 0)
    return standing.state.tail[row, -1, column].item() * fitted.scales.deviations[place] + fitted.scales.means[place]


def forecast_one(fitted: Fitted, standing: Standing, name: str) -> Forecast:
    """What follows what was read of one series, as far as the model's horizon; one origin."""
    place = standing.place(name)
    row, column = (0, place) if fitted.together else (place, 0)
    state = select(standing.state, [row]) if len(standing.state.told) > 1 else standing.state
    known, static = known_ahead(fitted, standing, fitted.model.horizon), static_rows(fitted, len(standing.names))
    with torch.no_grad(), undisturbed(fitted.model.modules()):
        parameters = fitted.model.forecast(state, known=None if known is None else known[row : row + 1],
                                           static=None if static is None else static[row : row + 1])
    return told(fitted, parameters[:, :, column], name)


def known_ahead(fitted: Fitted, standing: Standing, steps: int) -> Tensor | None:
    """Covariates of the steps that follow. Raises InputError where they are not known so far."""
    known = standing.known[:1] if fitted.together else standing.known
    return _stacked(known, np.full(len(known), steps), standing.names, fitted.model.out.weight)


def static_rows(fitted: Fitted, rows: int) -> Tensor | None:
    """What stays of each series, as rows of a batch."""
    return fitted.static[:rows].to(fitted.model.out.weight) if fitted.model.static else None


def _longer(known: np.ndarray, series: Series | None) -> np.ndarray:
    """What is known of the next steps: the newest word, and the older one where that reaches further."""
    if series is None:
        return known
    return np.concatenate([series.known, known[len(series.known):]])


def _stacked(
    known: Sequence[np.ndarray], steps: np.ndarray, names: Sequence[str], like: Tensor
) -> Tensor | None:
    if not known:
        return None
    stacked = like.new_zeros(len(known), int(steps.max()), known[0].shape[1])
    for row, (rows, count) in enumerate(zip(known, steps)):
        if len(rows) < count:
            raise InputError(f"covariates of {names[row]!r} are known for {len(rows)} steps, and {count} are needed; "
                             "give rows of the future, with the target left empty")
        stacked[row, :count] = torch.from_numpy(rows[:count])
    return stacked
