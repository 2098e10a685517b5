"""The command line. Every mistake a user can make ends in one line and exit code 2."""
import contextlib
import io
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from reprise.core.errors import InputError

__all__ = ["app", "main"]

# typer brings its own copy of click from 0.20 on, so its exceptions are named through typer
UsageError = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")

INTERRUPTED = 130

app = typer.Typer(
    name="reprise", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich",
    help="Models that carry state: compare them on your own data, train them, run them step by step.",
)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 2 bad input, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # what a terminal cannot show must not stop anything
    try:
        code = app(arguments, standalone_mode=False)
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit) as error:  # of a broken pipe typer makes an exit of its own
        if not isinstance(error.__context__ or error, BrokenPipeError):
            raise
        _hush()
        sys.exit(0)
    except (typer.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except UsageError as error:
        _end(error.format_message(), 2)
    except InputError as error:
        _end(str(error), 2)
    except (MemoryError, RuntimeError) as error:
        if not _is_memory(error):
            raise
        _end("not enough memory for this; choose a smaller width, depth, batch or length", 2)
    except OSError as error:
        _end(f"{error.filename or 'output'}: {(error.strerror or str(error)).lower()}; free space or choose another", 2)
    if code == INTERRUPTED:  # which typer returns too
        _end("stopped; the same command goes on from here", code)
    sys.exit(code if isinstance(code, int) else 0)


def _end(message: str, code: int) -> None:
    if message:  # none where help was shown for want of a command
        print(f"reprise: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)


def _hush() -> None:
    """What is still to be written goes nowhere; else Python complains of the broken pipe once more at its end."""
    with contextlib.suppress(OSError, ValueError), open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _is_memory(error: Exception) -> bool:
    """Torch says so in words alone, except on a GPU."""
    words = "can't allocate memory", "Storage size calculation overflowed", "out of memory"
    return isinstance(error, MemoryError) or any(word in str(error) for word in words)


SEEDS = 2**63 - 1  # the largest that torch takes
Data = Annotated[list[str] | None, typer.Argument(
    help="A file, a folder, a pattern, or one of tiny-shakespeare, penn-treebank, wikitext-2, "
         "python-stdlib (the default: Python's own source).")]
Width = Annotated[int, typer.Option(help="Width of the models.")]
Depth = Annotated[int, typer.Option(help="Layers of each model.")]
Channel = Annotated[str, typer.Option(help="Channel mixer between layers: glu, mlp, or none.")]
Batch = Annotated[int, typer.Option(help="Rows of a batch, each a text that goes on.")]
Length = Annotated[int, typer.Option(help="Bytes a row goes on by in one update.")]
Rate = Annotated[float, typer.Option(help="Highest learning rate.")]
Binary = Annotated[bool, typer.Option("--binary", help="Read files that do not look like text, too.")]
Device = Annotated[str, typer.Option(help="cpu, or cuda.")]


@app.command(epilog="Example: reprise compare notes/ --models gru,mingru,mamba --budget 60s")
def compare(
    data: Data = None, *,
    models: Annotated[str, typer.Option(help="Layers to compare, with commas; see `reprise layers`.")] = "",
    budget: Annotated[str, typer.Option(help="Training time of each model and seed, as 30s, 10m or 1h.")] = "60s",
    seeds: Annotated[int, typer.Option(help="How often each model is trained; three tell chance from skill.")] = 3,
    width: Width = 128, depth: Depth = 2, channel: Channel = "glu", batch: Batch = 8, length: Length = 128,
    rate: Rate = 3e-3, binary: Binary = False, device: Device = "cpu",
    jobs: Annotated[int, typer.Option(help="Models trained at once; 0 for one a core.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Folder for results; runs/NAME if left out.")] = None,
) -> None:
    """Which recurrent model should I use? Train several with equal compute on your data; leaderboard, report, models.

    Stopped or killed, the same command goes on where it was.
    """
    from reprise.app.comparison.settings import DEFAULT_MODELS, Settings
    from reprise.app.show import show_comparison

    settings = Settings(
        data=tuple(data or ["python-stdlib"]), models=_names(models) or DEFAULT_MODELS, budget=_seconds(budget),
        seeds=seeds, width=width, depth=depth, channel=_channel(channel), batch=batch, length=length, rate=rate,
        binary=binary, device=_device(device), jobs=jobs)
    show_comparison(settings, out or Path("runs") / _slug(settings.data), _command())


@app.command(epilog="Example: reprise train notes/ --model mingru --steps 2000 --out runs/notes")
def train(
    data: Data = None, *,
    model: Annotated[str, typer.Option(help="The layer; several with commas make a hybrid.")] = "mingru",
    steps: Annotated[int, typer.Option(min=1, help="Updates in all.")] = 1000,
    width: Width = 256, depth: Depth = 4, channel: Channel = "glu", batch: Batch = 16, length: Length = 256,
    rate: Rate = 2e-3, dropout: Annotated[float, typer.Option(help="Share of activations dropped in training.")] = 0.0,
    seed: Annotated[int, typer.Option(min=0, max=SEEDS, help="Of weights, order and dropout.")] = 0,
    binary: Binary = False, device: Device = "cpu",
    every: Annotated[int, typer.Option(min=1, help="Updates between checkpoints.")] = 100,
    out: Annotated[Path, typer.Option(help="Folder for the model and its checkpoints.")] = Path("runs/model"),
) -> None:
    """Train one language model on bytes. Stopped or killed, the same command goes on where it was, bit for bit."""
    from reprise.app.train import Plan, train_model

    names = _names(model)
    plan = Plan(
        data=tuple(data or ["python-stdlib"]), layers=names if len(names) > 1 else names * depth, width=width,
        channel=_channel(channel), dropout=dropout, batch=batch, length=length, rate=rate, steps=steps, seed=seed,
        binary=binary, device=_device(device))
    train_model(plan, out, every)


@app.command(epilog="Example: reprise generate runs/model --prompt 'def main(' --length 400")
def generate(
    checkpoint: Annotated[Path, typer.Argument(help="A folder with a trained model.")], *,
    prompt: Annotated[str, typer.Option(help="What the text goes on from.")] = "",
    length: Annotated[int, typer.Option(help="Bytes to write.")] = 400,
    temperature: Annotated[float, typer.Option(help="0 takes the likeliest byte; 1 draws as the model says.")] = 0.8,
    top_k: Annotated[int, typer.Option(help="Draw from the k likeliest; 0 for all.")] = 0,
    top_p: Annotated[float, typer.Option(help="Draw from the fewest that hold this much probability.")] = 0.95,
    seed: Annotated[int, typer.Option(min=0, max=SEEDS, help="The same seed writes the same text.")] = 0,
) -> None:
    """Write text with a trained model, as it is drawn."""
    from reprise.app.write import write_text
    from reprise.models.sampling import Sampler

    write_text(checkpoint, prompt, length, Sampler(temperature, top_k or None, top_p), seed)


@app.command(epilog="Example: reprise layers rg_lru")
def layers(name: Annotated[str, typer.Argument(help="A name, or a pattern such as '*gru'.")] = "*") -> None:
    """List the layers, or tell all about one: equations, shapes, cost, source, options."""
    from reprise.app.show import show_layers

    show_layers(name)


@app.command(epilog="Example: reprise prove my_layer.py:MyLayer")
def prove(
    target: Annotated[str, typer.Argument(help="FILE.py:Class, or the name of a layer.")],
    width: Annotated[int, typer.Option(help="Width the layer is built with; laws want it narrow.")] = 4,
) -> None:
    """Run every law on a layer: steps, splits, padding, resets, gradients, states. Exit code 1 where one is broken."""
    from reprise.app.prove import prove_target

    if not prove_target(target, width):
        raise typer.Exit(1)


@app.command(epilog="Example: reprise bench linear_scan gru --passes forward,training")
def bench(
    names: Annotated[list[str] | None, typer.Argument(
        help="Operations or layers, or 'models' for the training of four of each layer; all operations and layers "
             "if left out.")] = None, *,
    passes: Annotated[str, typer.Option(help="forward, training (forward and backward), step.")] = "",
    steps: Annotated[int, typer.Option(min=2, help="Steps of a sequence.")] = 2048,
    budget: Annotated[str, typer.Option(help="Time for each way of doing each thing.")] = "1s",
    threads: Annotated[int, typer.Option(min=0, help="Threads for all of them; 0 for as many as there are cores.")] = 1,
    growth: Annotated[bool, typer.Option("--growth", help="Cost against length too, up to a million steps.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for bench.csv, which later runs compare with.")] = Path(
        "results/bench"),
) -> None:
    """How fast is it here? Operations, layers and models beside torch's own and what memory and matrix unit allow.

    An operation whose answer differs from its definition is not timed. Exit code 1 where there was one.
    """
    from reprise.app import process
    from reprise.app.bench.run import Settings, measure

    threads = threads or process.cores()
    process.prepare(threads)
    if not measure(Settings(tuple(names or ()), _names(passes) or ("forward", "training", "step"), steps,
                            _seconds(budget), growth, threads), out):
        raise typer.Exit(1)


studies = typer.Typer(no_args_is_help=True, help="Claims of papers as experiments that can fail: list, show, run.")
app.add_typer(studies, name="study")
Tier = Annotated[str, typer.Option(help="small, smoke (to see that it runs) or full, where there is one.")]
Results = Annotated[Path, typer.Option("--out", help="Folder of results.")]


@studies.command("list")
def study_list(out: Results = Path("results")) -> None:
    """All studies, and how their claims stand."""
    from reprise.app.study import list_studies

    list_studies(out)


@studies.command("show", epilog="Example: reprise study show expressivity-battery")
def study_show(name: str, *, tier: Tier = "small", out: Results = Path("results")) -> None:
    """Paper, claim, settings, table and verdicts of one study."""
    from reprise.app.study import find_study, show_study

    show_study(find_study(name, tier), out)


@studies.command("run", epilog="Example: reprise study run expressivity-battery tasks=parity layers=gru,mamba")
def study_run(
    name: str,
    settings: Annotated[list[str] | None, typer.Argument(help="key=value, over those of the tier.")] = None, *,
    tier: Tier = "small",
    jobs: Annotated[int, typer.Option(min=0, help="Cells computed at once; 0 for one a core.")] = 0,
    out: Results = Path("results"),
) -> None:
    """Measure what is missing, weigh the claims. Stopped or killed, the same command goes on where it was.

    Exit code 1 where a cell failed.
    """
    from reprise.app.study import find_study, run_study

    if not run_study(find_study(name, tier, settings or ()), out, jobs):
        raise typer.Exit(1)


@app.command()
def info() -> None:
    """Versions, machine, what the command line sets for speed, where data are looked for."""
    from reprise.app.show import show_info

    show_info()


def _names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (name.strip() for name in text.split(","))))


def _channel(name: str) -> str | None:
    return None if name == "none" else name


def _slug(data: tuple[str, ...]) -> str:
    return "-".join(Path(d).stem or "data" for d in data)[:60]


def _seconds(text: str) -> float:
    """`90`, `90s`, `1.5m` or `2h` in seconds."""
    unit = {"s": 1, "m": 60, "h": 3600}.get(text[-1:])
    try:
        seconds = float(text[:-1]) * unit if unit else float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise InputError(f"--budget: expected a time such as 30s, 10m or 1h, got {text!r}")
    return seconds


def _device(name: str) -> str:
    import torch

    try:
        torch.ones(1, device=name).item()  # which meta has not
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"--device: {name!r} is not to be had here ({str(error).splitlines()[0]}); use cpu") from error
    return name


def _command() -> str:
    import shlex

    return shlex.join(["reprise", *sys.argv[1:]])
