"""Forecasts of your own series: fit, predict, and update, which moves the state on instead of fitting again."""
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.errors import InputError, check_counts, suggest
from reprise.core.modes import undisturbed
from reprise.data.series.open import open_series
from reprise.data.series.panel import Panel, Series, Step
from reprise.data.series.protocols import whole
from reprise.forecasting.method import Forecast
from reprise.forecasting.recurrent.carried import Carried
from reprise.forecasting.recurrent.keeping import load, save, save_standing
from reprise.forecasting.recurrent.reading import Fitted, told
from reprise.forecasting.recurrent.standing import (
    Standing,
    begin,
    following,
    forecast_one,
    known_ahead,
    last_value,
    read_on,
    read_one,
    scaled,
    static_rows,
)
from reprise.forecasting.training import Budget, Look

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Forecaster"]

Data = "str | Path | pd.DataFrame | Panel"


class Forecaster:
    """A recurrent model of your series that is fitted once and then kept up to date, an observation at a time.

        forecaster = Forecaster("gru", horizon=24).fit("sales.csv")
        forecaster.predict()                      a DataFrame: unique_id, ds, y and quantiles
        forecaster.update(new_rows).predict()     what fitting would not have changed: the state has read the new rows

    layers: of the model, as `reprise layers` lists them: a name, or a list of them, one above the other.
    horizon: steps ahead; a season of the data unless given. `predict` goes further by reading its own forecasts.
    seconds, steps: of training, whichever ends first.   together: all series are read jointly, on one clock.
    options: of models.forecast.ForecastModel: width, depth, segment, head, memory ...

    `standing` is where it stands, a value that no call changes: keep it, and set it again to go back.

    Raises InputError for irregular series: give `open_series` a step for them.
    """

    def __init__(self, layers: Any = "gru", horizon: int | None = None, *, seconds: float | None = 30.0,
                 steps: int | None = None, together: bool = False, batch: int = 64, rate: float = 2e-3, seed: int = 0,
                 options: dict[str, Any] | None = None):
        check_counts("Forecaster", horizon=horizon, batch=batch)
        self.horizon = horizon
        self.method = Carried(layers, Budget(steps, seconds), together=together, batch=batch, rate=rate, seed=seed,
                              options=options)
        self.standing: Standing | None = None

    def fit(self, data: Data, look: Callable[[Look], object] = lambda look: None) -> "Forecaster":
        """Learns from all of `data` but the last windows of each series, by which it chooses its weights; then reads
        everything, so that the next forecast is of what follows the data. `look` hears how it goes.
        """
        panel = _panel(data)
        split = whole(panel, self.horizon)
        for found in self.method.fitting(split):
            look(found)
        return self.read(panel)

    def read(self, data: Data) -> "Forecaster":
        """Forgets what was read, and reads other data of the series it was fitted to, on the clock they had then."""
        fitted = self._fitted()
        panel = _panel(data, fitted.scales.step)
        names = tuple(fitted.scales.numbers)
        if missing := sorted(set(names) - {series.name for series in panel}):
            raise InputError(f"{panel.name}: has no series {missing[0]!r}, which the forecaster was fitted to; give "
                             f"all of its {len(names)} series")
        begun = begin(fitted, [panel[name] for name in names], panel.step)
        self.standing = read_on(fitted, begun, {place: panel[name] for place, name in enumerate(names)})
        return self

    def predict(self, horizon: int | None = None) -> "pd.DataFrame":
        """What follows everything read so far: unique_id, ds, y, and a column a quantile, as y_0.1.

        Beyond the horizon of training the model reads its own point forecasts.
        """
        import pandas as pd

        standing, fitted = self._stands(), self._fitted()
        check_counts("predict", horizon=horizon)
        H = horizon or fitted.model.horizon
        parameters = self._reaching(H)
        columns: dict[str, list] = {"unique_id": [], "ds": [], "y": []}
        for place, name in enumerate(standing.names):
            row, column = (0, place) if fitted.together else (place, 0)
            found = told(fitted, parameters[row : row + 1, :, column], name)
            columns["unique_id"].append(np.repeat(name, H))
            columns["ds"].append(standing.next_times(place, H))
            columns["y"].append(found.point[0])
            for i, level in enumerate(found.levels):
                columns.setdefault(f"y_{level:g}", []).append(found.quantiles[0, :, i])
        return pd.DataFrame({name: np.concatenate(parts) for name, parts in columns.items()})

    def update(self, data: Data) -> "Forecaster":
        """Reads rows that follow what was read, of all series or some; what was read already is passed over.

        data: as for `fit`; covariates are to reach as far ahead as the horizon.
        Raises InputError for a series it was not fitted to, and where the next step of one is missing.
        """
        panel, standing = _panel(data, self._stands().step), self._stands()
        places = {name: place for place, name in enumerate(standing.names)}
        fresh: dict[int, Series] = {}
        for series in panel:
            if series.name not in places:
                raise InputError(f"update: no series {series.name!r} was fitted{suggest(series.name, places)}")
            place = places[series.name]
            if len(new := following(series, standing, place)) or len(new.known):
                fresh[place] = new
        if fresh:
            self.standing = read_on(self._fitted(), standing, fresh)
        return self

    def push(self, values: Float[np.ndarray, " N"]) -> "Forecaster":
        """One new value of every series, in the order of `names`: the quick way, for streams.

        Raises InputError for another number of values, one that is not finite, and a model that reads covariates.
        """
        standing, fitted = self._stands(), self._fitted()
        values = np.asarray(values, np.float64)
        if values.shape != (len(standing.names),) or not np.isfinite(values).all():
            raise InputError(f"push: expected {len(standing.names)} finite values, one of each series, got "
                             f"{values.shape} with {int((~np.isfinite(values)).sum())} that are not; give rows to "
                             "`update` where some are missing")
        if fitted.model.known or fitted.model.static:
            raise InputError("push: this model reads covariates; give rows to `update`")
        y = torch.from_numpy(scaled(fitted, values, np.arange(len(values)))).to(fitted.model.out.weight)
        with torch.no_grad():
            state = fitted.model.advance(y[None, None] if fitted.together else y[:, None, None], standing.state)
        self.standing = standing.moved(state)
        return self

    def push_one(self, name: str, value: float) -> "Forecaster":
        """One new value of one series; the others stay. Raises InputError as `push`, and where all are read together.
        """
        standing = self._stands()
        place = standing.place(name)
        if len(standing.names) == 1:
            return self.push(np.array([value]))
        self.standing = read_one(self._fitted(), standing, place, value)
        return self

    def expected(self, name: str) -> np.datetime64 | float:
        """The stamp of the next step of a series."""
        return self._stands().next_times(self._stands().place(name), 1)[0]

    def last(self, name: str) -> float:
        """The last value that was read of a series. Raises InputError where none was."""
        return last_value(self._fitted(), self._stands(), name)

    def forecast_of(self, name: str) -> Forecast:
        """What `predict` says of one series, as arrays with one origin: the quick way, for streams."""
        return forecast_one(self._fitted(), self._stands(), name)

    @property
    def names(self) -> tuple[str, ...]:
        """The series, in the order that `push` takes them."""
        return self._stands().names

    def save(self, folder: str | Path) -> Path:
        """The model and where it stands, for `load` and for `reprise forecast`, `stream` and `anomalies`."""
        save(Path(folder), self._fitted(), self._stands(), {"layers": str(self.method.layers)})
        return Path(folder)

    @classmethod
    def of(cls, method: Carried, data: Data) -> "Forecaster":
        """A method that was fitted elsewhere, as a backtest's; it reads `data`. Raises InputError for one with a
        lookback, which carries no state, and for one of values that were standardised beforehand.
        """
        fitted = method.fitted
        if fitted is None or fitted.lookback is not None or not fitted.scales.standardise:
            raise InputError("Forecaster.of: expected a fitted method that carries its state along series in their own "
                             "units; fit it to a split without a lookback")
        forecaster = cls(method.layers, fitted.model.horizon, together=fitted.together)
        forecaster.method = method
        return forecaster.read(data)

    @classmethod
    def load(cls, folder: str | Path, standing: str | Path | None = None) -> "Forecaster":
        """As it was saved; or as it stood when `save_standing` wrote that file.

        Raises InputError for a folder without a forecaster, and for a standing of another.
        """
        fitted, stood, _ = load(Path(folder), None if standing is None else Path(standing))
        options = fitted.model.options
        forecaster = cls(options["layers"], options["horizon"], together=fitted.together)
        forecaster.method.fitted, forecaster.standing = fitted, stood
        return forecaster

    def save_standing(self, path: str | Path) -> None:
        """Where it stands alone, a small file: what a stream saves as it goes."""
        save_standing(Path(path), self._fitted().model, self._stands())

    def _reaching(self, horizon: int) -> Float[Tensor, "B H D E"]:
        standing, model = self._stands(), self._fitted().model
        rows = len(standing.state.told)
        with torch.no_grad(), undisturbed(model.modules()):
            return model.forecast(standing.state, horizon, known=known_ahead(self._fitted(), standing, horizon),
                                  static=static_rows(self._fitted(), rows))

    def _fitted(self) -> Fitted:
        if self.method.fitted is None:
            raise InputError("Forecaster: it has learnt nothing yet; call fit(data), or load one")
        return self.method.fitted

    def _stands(self) -> Standing:
        self._fitted()
        if self.standing is None:
            raise InputError("Forecaster: it has read nothing yet; call read(data)")
        return self.standing


def _panel(data: Data, step: Step | None = None) -> Panel:
    panel = data if isinstance(data, Panel) else open_series(data, step=step)
    if panel.step is None:
        raise InputError(f"{panel.name}: its times are irregular, and a forecast is made in steps; open it with a "
                         "step, as open_series(..., step='h'), or --step h")
    if step is not None and panel.step != step:
        raise InputError(f"{panel.name}: expected series that are {step}, as those it was fitted to, got {panel.step} "
                         "ones; open it with that step")
    return panel
