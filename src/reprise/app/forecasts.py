"""Forecasters on the command line: fitted, asked for what follows, and for what they did not expect."""
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reprise.app.drawing.markup import tag
from reprise.app.drawing.page import page, section
from reprise.app.process import cores, prepare
from reprise.app.report.kinds.series import forecast_picture
from reprise.app.show import bars, console
from reprise.core.errors import InputError
from reprise.core.files import atomic_write
from reprise.data.series.open import open_series
from reprise.data.series.panel import Panel
from reprise.data.series.told import told
from reprise.forecasting.anomalies import find_anomalies
from reprise.forecasting.forecaster import Forecaster

__all__ = ["fit_forecaster", "write_anomalies", "write_forecasts"]

PICTURES, PAST = 24, 6  # series that are drawn, and how many horizons of their past

Reading = Mapping[str, Any]  # options of open_series


def fit_forecaster(forecaster: Forecaster, data: str, reading: Reading, out: Path) -> None:
    """Fits with a bar, and saves."""
    prepare(cores())
    panel = open_series(data, **reading)
    console.print(told(panel), markup=False, highlight=False)
    with bars() as progress:
        line = progress.add_task("fitting", total=100)
        forecaster.fit(panel, lambda look: progress.update(
            line, completed=100 * look.share, description=f"fitting: {look.valid:.4f} on validation"))
    forecaster.save(out)
    console.print(f"Forecaster: {out}", soft_wrap=True, markup=False)
    console.print(f"Next:   reprise forecast {out}", soft_wrap=True, markup=False)


def write_forecasts(
    model: Path, data: str | None, reading: Reading, horizon: int | None, quantiles: bool, out: Path | None,
) -> None:
    """Forecasts of what follows the data, or, without any, of what follows all that was read; plots beside a file."""
    prepare(cores())
    forecaster, panel = Forecaster.load(model), None
    if data is not None:
        panel = open_series(data, **reading)
        forecaster.read(panel)
    found = forecaster.predict(horizon)
    if not quantiles:
        found = found[["unique_id", "ds", "y"]]
    elif len(found.columns) == 3:
        raise InputError(f"--quantiles: {model} says one number and not how sure it is; fit one with --head quantiles")
    _write(found, out)
    if out is not None:
        plots = out.with_suffix(".html")
        atomic_write(plots, _plots(forecaster, panel, horizon).encode())
        console.print(f"Forecasts: {out}    Plots: {plots}", soft_wrap=True, markup=False)


def write_anomalies(model: Path, data: str, reading: Reading, threshold: float, every: bool, out: Path | None) -> None:
    """What the forecaster did not expect, an observation a row; all of them with their scores, where asked."""
    prepare(cores())
    forecaster, panel = Forecaster.load(model), open_series(data, **reading)
    found = find_anomalies(forecaster.method, panel, threshold)
    flagged = int(found["anomaly"].sum())
    _write(found if every else found[found["anomaly"]].drop(columns="anomaly"), out)
    print(f"{flagged:,} of {len(found):,} observations have a score of {threshold:g} or more", file=sys.stderr)


def _write(found: Any, out: Path | None) -> None:
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
