"""Commands for series and logs of events: inspect, fit, forecast, stream, anomalies."""
import sys
from pathlib import Path
from typing import Annotated

import typer

from reprise.app.cli import options
from reprise.app.cli.entry import app
from reprise.app.cli.options import SEEDS, Channel, Rate
from reprise.app.cli.reading import EVENTS, FILE, SERIES, Horizon, Kind, Reading, takes
from reprise.core.errors import InputError

File = Annotated[str, typer.Argument(help="A table of series, packed or not, - for standard input, or a known set.")]
Model = Annotated[Path, typer.Argument(help="A forecaster: a folder that `fit` or `compare` made.")]
Out = Annotated[Path | None, typer.Option(help="A .csv, .tsv or .parquet; standard output if left out.")]


@app.command(epilog="Example: reprise inspect sales.csv.gz")
@takes(SERIES, EVENTS, FILE)
def inspect(
    data: Annotated[str, typer.Argument(help="A table, - for standard input, or a known set.")], *,
    kind: Kind = None, reading: Reading,
) -> None:
    """What a file holds, and what would be done with it: series or events, their clock, gaps, repeats, oddities."""
    from reprise.app.comparison.kinds import contest_of

    contest = contest_of((data,), kind, reading)
    print(f"{contest.kind}: {contest.told()}")


@app.command(epilog="Example: reprise fit sales.csv --model gru --horizon 28 --out runs/sales")
@takes(SERIES, FILE)
def fit(
    data: File, *,
    model: Annotated[str, typer.Option(help="The layer, or several with commas, one above the other.")] = "gru",
    horizon: Horizon = None,
    budget: Annotated[str, typer.Option(help="Time for training, as 30s, 10m or 1h.")] = "30s",
    width: Annotated[int, typer.Option(help="Width of the model.")] = 64,
    depth: Annotated[int, typer.Option(help="Layers, where --model is one name.")] = 1,
    channel: Channel = "none", rate: Rate = 2e-3,
    head: Annotated[str, typer.Option(help="quantiles, student_t or point.")] = "quantiles",
    together: Annotated[bool, typer.Option("--together", help="Read all series jointly, on one clock.")] = False,
    seed: Annotated[int, typer.Option(min=0, max=SEEDS, help="Of weights and order.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder for the forecaster.")] = Path("runs/forecaster"), reading: Reading,
) -> None:
    """Fit one forecaster to all of your series; `compare` tells which model to take."""
    from reprise.app.forecasts import fit_forecaster
    from reprise.forecasting.forecaster import Forecaster

    names = options.names(model)
    chosen = {"width": width, "depth": depth, "channel": options.channel(channel)}
    chosen |= {} if head == "quantiles" else {"head": head}
    forecaster = Forecaster(names[0] if len(names) == 1 else list(names), horizon, seconds=options.seconds(budget),
                            together=together, rate=rate, seed=seed, options=chosen)
    fit_forecaster(forecaster, data, reading, out)


@app.command(epilog="Example: reprise forecast runs/sales sales.csv --horizon 28 --quantiles --out next.csv")
@takes(SERIES, FILE)
def forecast(
    model: Model,
    data: Annotated[str | None, typer.Argument(
        help="A table to go on from; what the forecaster read last, if left out.")] = None, *,
    horizon: Horizon = None,
    quantiles: Annotated[bool, typer.Option("--quantiles", help="A column a quantile, too.")] = False,
    out: Out = None, reading: Reading,
) -> None:
    """Say how series go on, with plots beside a file."""
    from reprise.app.forecasts import write_forecasts

    if reading and data is None:
        raise InputError(f"--{next(iter(reading))}: says how a table is read, and none is given; name one after "
                         "the model")
    write_forecasts(model, data, reading, horizon, quantiles, out)


@app.command(epilog="Example: tail -f points.jsonl | reprise stream runs/sales --state sales.state > forecasts.jsonl")
def stream(
    model: Model, *,
    state: Annotated[Path | None, typer.Option(
        help="File that keeps the state; a stream that was stopped goes on from it.")] = None,
    quantiles: Annotated[bool, typer.Option("--quantiles", help="Quantiles, too.")] = False,
    id: Annotated[str, typer.Option(help="Where a line names its series.")] = "unique_id",
    time: Annotated[str, typer.Option(help="Where a line says when.")] = "ds",
    target: Annotated[str, typer.Option(help="Where a line has its value.")] = "y",
) -> None:
    """A forecast a line: observations come in as JSON lines, and each moves the state on by one step.

    A line is a number, or an object with the series' name, the time and the value. What was read already, by its time,
    is passed over, so that a stream may be fed again from its beginning.
    """
    from reprise.app.streaming import stream_forecasts

    stream_forecasts(model, state, (id, time, target), quantiles, iter(sys.stdin.readline, ""))


@app.command(epilog="Example: reprise anomalies runs/sales sales.csv --threshold 5")
@takes(SERIES, EVENTS, FILE)
def anomalies(
    model: Annotated[Path, typer.Argument(
        help="A forecaster, or a model of events: a folder that `fit` or `compare` made.")],
    data: Annotated[str, typer.Argument(help="A table of series or a log, - for standard input, or a known set.")], *,
    threshold: Annotated[float | None, typer.Option(
        help="Least score: of series in deviations of what was expected, 5 if left out; of events in nats, 7 if left "
             "out, which is a chance of about 1 in 1,000.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them, with their scores.")] = False,
    out: Out = None, reading: Reading,
) -> None:
    """What a model did not expect: each observation against the forecast one step before it, each event by its chance.
    """
    from reprise.app.anomalies import write_anomalies

    write_anomalies(model, data, reading, threshold, every, out)
