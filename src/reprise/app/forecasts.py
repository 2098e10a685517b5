"""Forecasters on the command line: fitted, and asked for what follows."""
import json
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reprise.app.comparison.networks import NETWORKS
from reprise.app.drawing.markup import tag
from reprise.app.drawing.page import page, section
from reprise.app.process import prepare
from reprise.app.report.kinds.series import forecast_picture
from reprise.app.show import bars, console
from reprise.core.errors import InputError
from reprise.core.files import atomic_write, load_tensors
from reprise.data.events import list_events
from reprise.data.series.open import open_series
from reprise.data.series.panel import Panel
from reprise.data.series.told import told
from reprise.forecasting.forecaster import Forecaster
from reprise.models.events.event_model import EventModel
from reprise.models.pretrained import CONFIG, WEIGHTS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["fit_forecaster", "is_of_events", "load_forecaster", "open_table", "write_forecasts", "write_table"]

PICTURES, PAST = 24, 6  # series that are drawn, and how many horizons of their past

Reading = Mapping[str, Any]  # options of open_series


def fit_forecaster(forecaster: Forecaster, data: str, reading: Reading, out: Path) -> None:
    """Fits with a bar, and saves."""
    prepare(1)  # more threads gain little in models of this size, and lose much on a busy machine
    panel = open_table(data, reading)
    console.print(told(panel), markup=False, highlight=False)
    with bars() as progress:
        line = progress.add_task("fitting", total=100)
        forecaster.fit(panel, lambda look: progress.update(
            line, completed=100 * look.share, description=f"fitting: {look.valid:.4f} on validation"))
    forecaster.save(out)
    console.print(f"Forecaster: {out}", soft_wrap=True, markup=False)
    more = f" FILE, where FILE has {', '.join(panel.known)} of steps to come, their values empty" if panel.known else ""
    console.print(f"Next:   reprise forecast {shlex.quote(str(out))}{more}", soft_wrap=True, markup=False)


def write_forecasts(
    model: Path, data: str | None, reading: Reading, horizon: int | None, quantiles: bool, out: Path | None,
) -> None:
    """Forecasts of what follows the data, or, without any, of what follows all that was read; plots beside a file."""
    prepare(1)
    forecaster, panel = load_forecaster(model), None
    if data is not None:
        panel = open_table(data, reading)
        forecaster.read(panel)
    found = forecaster.predict(horizon)
    if not quantiles:
        found = found[["unique_id", "ds", "y"]]
    elif len(found.columns) == 3:
        raise InputError(f"--quantiles: {model} says one number and not how sure it is; fit one with --head quantiles")
    write_table(found, out)
    if out is not None:
        plots = out.with_suffix(".html")
        atomic_write(plots, _plots(forecaster, panel, horizon).encode())
        console.print(f"Forecasts: {out}    Plots: {plots}", soft_wrap=True, markup=False)


def load_forecaster(folder: Path, standing: Path | None = None) -> Forecaster:
    """`Forecaster.load`. Raises InputError for other models, saying what they are good for, and where there is none."""
    if not (folder / WEIGHTS).exists():
        raise InputError(f"{folder}: no forecaster is there (it would have {WEIGHTS}); `reprise fit` makes one, and "
                         "`reprise compare` does, in its folder models")
    if is_of_events(folder):
        raise InputError(f"{folder}: holds a model of events; `reprise anomalies` asks it what is unusual in a log")
    name = load_tensors(folder / WEIGHTS, "model")[1]["model"]
    if name in NETWORKS:
        raise InputError(f"{folder}: holds {name}, which sees windows and carries no state to go on from; give a model "
                         "of a layer")
    return Forecaster.load(folder, standing)


def is_of_events(model: Path) -> bool:
    """By what is said beside the weights; the weights themselves are checked where they are loaded."""
    try:
        said = json.loads((model / CONFIG).read_text())
    except (OSError, ValueError):
        return False
    return isinstance(said, dict) and said.get("model") == EventModel.__name__


def open_table(data: str, reading: Reading) -> Panel:
    """`open_series`. Raises InputError as that does, and for the name of a log of events."""
    if data in list_events() and not Path(data).exists():
        raise InputError(f"{data} is a log of events, and series are forecast; `reprise compare {data}` trains models "
                         "of events")
    return open_series(data, **reading)


def write_table(found: "pd.DataFrame", out: Path | None) -> None:
    """To standard output, or in the form that the name of the file says. InputError for a name that says none."""
    if out is None:
        found.to_csv(sys.stdout, index=False, float_format="%.7g")
    elif out.suffix == ".parquet":
        atomic_write(out, lambda file: found.to_parquet(file, index=False))
    elif out.suffix in (".csv", ".tsv"):
        separated = found.to_csv(index=False, float_format="%.7g", sep="\t" if out.suffix == ".tsv" else ",")
        atomic_write(out, separated.encode())
    else:
        raise InputError(f"--out: expected a name that ends in .csv, .tsv or .parquet, got {out.name!r}")


def _plots(forecaster: Forecaster, panel: Panel | None, horizon: int | None) -> str:
    """A picture a series, of the first of them, with what was known before where it is at hand."""
    found = forecaster.predict(horizon)
    pictures = []
    for name in forecaster.names[:PICTURES]:
        rows = found[found["unique_id"] == name]
        past = [] if panel is None else panel[name].values[-PAST * len(rows) :].tolist()
        example = {"series": name, "rank": "forecast", "history": past, "truth": [], "point": rows["y"].tolist()}
        if "y_0.1" in rows:
            example |= {"low": rows["y_0.1"].tolist(), "high": rows["y_0.9"].tolist()}
        pictures.append(forecast_picture(example))
    more = len(forecaster.names) - len(pictures)
    about = f"The first {len(pictures)} of {len(forecaster.names)} series." if more else ""
    shown = section("What follows", about, tag("div", {"class": "charts"}, *pictures))
    return page("Forecasts", tag("main", None, tag("h1", None, "Forecasts"), shown))
