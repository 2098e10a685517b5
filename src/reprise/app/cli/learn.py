"""Commands that train: compare, train, generate."""
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reprise.app.cli import options
from reprise.app.cli.entry import app
from reprise.app.cli.options import SEEDS, Batch, Binary, Channel, Data, Depth, Device, Length, Rate, Width
from reprise.app.cli.reading import COMPARED, EVENTS, FILE, SERIES, Horizon, Kind, Reading, takes
from reprise.core.errors import InputError

if TYPE_CHECKING:
    from reprise.models.patterns import Spec

DEPTH = 4  # of what `train` trains, where nothing else is asked for


@app.command(epilog="Example: reprise compare notes/ --models gru,mingru,mamba --budget 60s")
@takes(COMPARED, SERIES, EVENTS, FILE)
def compare(
    data: Data = None, *,
    models: Annotated[str, typer.Option(help="Layers to compare, with commas; see `reprise layers`.")] = "",
    budget: Annotated[str, typer.Option(help="Training time of each model and seed, as 30s, 10m or 1h.")] = "60s",
    seeds: Annotated[int, typer.Option(help="How often each model is trained; three tell chance from skill.")] = 3,
    width: Width = None, depth: Depth = None, channel: Channel = None, batch: Batch = None, rate: Rate = None,
    device: Device = "cpu", length: Length = None, binary: Binary = False,
    kind: Kind = None, horizon: Horizon = None,
    jobs: Annotated[int, typer.Option(help="Models trained at once; 0 for one a core.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for results; runs/NAME if left out.")] = None,
    reading: Reading,
) -> None:
    """Which recurrent model should I use? Train several with equal compute on your data; leaderboard, report, models.

    What is left out is as suits the data. Stopped or killed, the same command goes on where it was.
    """
    from reprise.app.comparison.kinds import contest_of
    from reprise.app.comparison.settings import Settings
    from reprise.app.show import show_comparison

    about = options.given({"length": length, "binary": binary or None, "horizon": horizon}) | reading
    contest = contest_of(tuple(data or ["python-stdlib"]), kind, about)
    asked = {"width": width, "depth": depth, "batch": batch, "rate": rate, "device": options.device(device)}
    asked |= {} if channel is None else {"channel": options.channel(channel)}
    recipe = replace(contest.recipe, **options.given(asked))
    settings = Settings(contest, options.names(models) or contest.models, recipe, options.seconds(budget), seeds, jobs)
    show_comparison(settings, out or Path("runs") / options.slug(contest.data), options.command())


@app.command(epilog="Example: reprise train notes/ --model mingru --steps 2000 --out runs/notes")
def train(
    data: Data = None, *,
    model: Annotated[str, typer.Option(help="The layer, or a known hybrid; several layers with commas.")] = "mingru",
    steps: Annotated[int, typer.Option(min=1, help="Updates in all.")] = 1000,
    width: Width = 256,
    depth: Annotated[int | None, typer.Option(
        help=f"Layers of that name, {DEPTH} if left out; several names are all the layers there are.")] = None,
    channel: Channel = "glu", batch: Batch = 16, length: Length = 256,
    rate: Rate = 2e-3, dropout: Annotated[float, typer.Option(help="Share of activations dropped in training.")] = 0.0,
    seed: Annotated[int, typer.Option(min=0, max=SEEDS, help="Of weights, order and dropout.")] = 0,
    binary: Binary = False, device: Device = "cpu",
    every: Annotated[int, typer.Option(min=1, help="Updates between checkpoints.")] = 100,
    out: Annotated[Path, typer.Option(help="Folder for the model and its checkpoints.")] = Path("runs/model"),
) -> None:
    """Train one language model on bytes. Stopped or killed, the same command goes on where it was, bit for bit."""
    from reprise.app.train import Plan, train_model

    plan = Plan(
        data=tuple(data or ["python-stdlib"]), width=width, layers=_layers(model, depth),
        channel=options.channel(channel), dropout=dropout, batch=batch, length=length, rate=rate, steps=steps,
        seed=seed, binary=binary, device=options.device(device))
    train_model(plan, out, every)


def _layers(model: str, depth: int | None) -> tuple["Spec", ...]:
    """From the first to the last, as --model and --depth say. Raises InputError where they contradict each other."""
    from reprise.models.patterns import expand

    names = options.names(model)
    if not names:
        raise InputError(f"--model: expected at least one layer, got {model!r}; see `reprise layers`")
    if len(names) == 1:
        return tuple(expand(names[0], DEPTH if depth is None else depth))
    if depth is not None:
        raise InputError(f"--depth: {len(names)} names in --model are {len(names)} layers already, got a depth of "
                         f"{depth} too; leave one of them out")
    return names


@app.command(epilog="Example: reprise generate runs/model --prompt 'def main(' --length 400")
def generate(
    checkpoint: Annotated[str, typer.Argument(
        help="A trained model: a folder, a file, or a repository of the hub as owner/name.")], *,
    prompt: Annotated[str, typer.Option(help="What the text goes on from.")] = "",
    length: Annotated[int, typer.Option(help="Tokens to write; bytes, for models trained here.")] = 400,
    temperature: Annotated[float, typer.Option(help="0 takes the likeliest token; 1 draws as the model says.")] = 0.8,
    top_k: Annotated[int, typer.Option(help="Draw from the k likeliest; 0 for all.")] = 0,
    top_p: Annotated[float, typer.Option(help="Draw from the fewest that hold this much probability.")] = 0.95,
    seed: Annotated[int, typer.Option(min=0, max=SEEDS, help="The same seed writes the same text.")] = 0,
) -> None:
    """Write text with a trained model, as it is drawn."""
    from reprise.app.write import write_text
    from reprise.models.sampling import Sampler

    write_text(checkpoint, prompt, length, Sampler(temperature, top_k or None, top_p), seed)
