"""Where a forecaster stands: what it has read of each series, what it says of what follows; moved on, and kept."""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from reprise.core.errors import InputError
from reprise.core.files import load_tensors, save_tensors
from reprise.core.modes import undisturbed
from reprise.core.state import map_state, named_tensors, refill, select
from reprise.core.state_file import fingerprint
from reprise.data.series.clock import ahead
from reprise.data.series.panel import Series, Step
from reprise.forecasting.method import Forecast
from reprise.forecasting.recurrent.reading import Fitted, told
from reprise.forecasting.scales import Scales
from reprise.models.forecast.forecast_model import ForecastModel, ForecastState

__all__ = [
    "Standing", "begin", "forecast_one", "known_ahead", "last_value", "load", "read_on", "read_one", "save",
    "save_standing", "static_rows",
]

FILE = "standing.safetensors"


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

    def moved(self, state: ForecastState, steps: np.ndarray | int = 1) -> "Standing":
        """So many steps further on."""
        return replace(self, state=state, since=self.since + steps)


def begin(fitted: Fitted, series: Sequence[Series], step: Step) -> Standing:
    """Before the first value of each of these series."""
    model, B = fitted.model, 1 if fitted.together else len(series)
    return Standing(tuple(s.name for s in series), step, np.array([s.times[0] for s in series]),
                    np.full(len(series), -1), model.initial_state(B),
                    tuple(s.known[:0] for s in series) if model.known else ())


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
        values[place, : len(series)] = fitted.scales.scaled(series)
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
    model, scales = fitted.model, fitted.scales
    if fitted.together or model.known or not np.isfinite(value):
        raise InputError(f"expected a finite value of a series that is read alone, without covariates, got {value} of "
                         f"{standing.names[place]!r}; give rows of all series to `update`")
    row = torch.tensor([place])
    y = model.out.weight.new_full((1, 1), (value - scales.means[place]) / scales.deviations[place])
    static = static_rows(fitted, len(standing.names))
    with torch.no_grad():
        state = model.advance(y[:, None], select(standing.state, row), static=None if static is None else static[row])
    after = map_state(lambda whole, part: whole.index_copy(0, row, part), standing.state, state)
    counts = np.arange(len(standing.names)) == place
    return standing.moved(after, counts.astype(np.int64))


def last_value(fitted: Fitted, standing: Standing, name: str) -> float:
    """The last value that was read of a series. Raises InputError where none was."""
    place = standing.names.index(name)
    if standing.since[place] < 0:
        raise InputError(f"nothing was read of {name!r} yet; begin with a value")
    row, column = (0, place) if fitted.together else (place, 0)
    return standing.state.tail[row, -1, column].item() * fitted.scales.deviations[place] + fitted.scales.means[place]


def forecast_one(fitted: Fitted, standing: Standing, name: str) -> Forecast:
    """What follows what was read of one series, as far as the model's horizon; one origin."""
    place = standing.names.index(name)
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


def save(folder: Path, fitted: Fitted, standing: Standing, about: dict[str, Any]) -> None:
    """The model, the scales and the standing, each file whole or not at all."""
    scales, numeric = fitted.scales, standing.times.dtype.kind != "M"
    series = {"names": list(standing.names), "means": scales.means.tolist(), "deviations": scales.deviations.tolist(),
              "step": list(standing.step), "together": fitted.together, "numbered": numeric,
              "static": None if fitted.static is None else fitted.static.tolist()}
    fitted.model.save_pretrained(folder, series=series, **about)
    save_standing(folder / FILE, fitted.model, standing)


def save_standing(path: Path, model: ForecastModel, standing: Standing) -> None:
    """What was read, alone: `load` with this path goes on from there."""
    times = standing.times
    times = times if times.dtype.kind != "M" else times.astype("datetime64[ns]").view("int64")
    tensors = {f"state.{name}": z for name, z in named_tensors(standing.state)}
    tensors |= {"times": torch.from_numpy(times.copy()),
                "since": torch.from_numpy(standing.since)}
    tensors |= {f"known.{i}": torch.from_numpy(z.copy()) for i, z in enumerate(standing.known)}
    save_tensors(path, tensors, {"kind": "standing", "names": list(standing.names), **fingerprint(model)})


def load(folder: Path, standing: Path | None = None) -> tuple[Fitted, Standing, dict[str, Any]]:
    """A forecaster's model, where it stands (as in the file `standing`, where that is given), and what was said of it.

    Raises InputError for a folder that holds none, and for a standing of another model.
    """
    model = ForecastModel.from_pretrained(folder)
    _, about = load_tensors(folder / "model.safetensors", "model")
    if "series" not in about:
        raise InputError(f"{folder}: holds a model without the series it was fitted to; fit and save a Forecaster")
    series = about["series"]
    step = Step(*series["step"])
    scales = Scales.restored(series["names"], np.array(series["means"]), np.array(series["deviations"]), step)
    static = None if series["static"] is None else torch.tensor(series["static"])
    fitted = Fitted(model, scales, series["together"], None, static)
    path = standing or folder / FILE
    tensors, said = load_tensors(path, "standing")
    mine = fingerprint(model)
    if wrong := [name for name in ("options", "weights") if said[name] != mine[name]] or (
            ["series"] if said["names"] != series["names"] else []):
        raise InputError(f"{path}: belongs to another forecaster, whose {wrong[0]} are not those of {folder}; "
                         "use the one it was saved with, or delete the file to begin anew")
    like = model.initial_state(len(tensors["state.told"]))
    state = refill(like, [tensors[f"state.{name}"] for name, _ in named_tensors(like)])
    times = tensors["times"].numpy()
    known = tuple(tensors[f"known.{i}"].numpy() for i in range(len(series["names"]))) if model.known else ()
    kept = Standing(tuple(series["names"]), step, times if series["numbered"] else times.view("datetime64[ns]"),
                    tensors["since"].numpy(), state, known)
    return fitted, kept, about
