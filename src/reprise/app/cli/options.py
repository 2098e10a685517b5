"""What several commands take, and how it is read."""
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from reprise.core.errors import InputError

__all__ = [
    "SEEDS", "Batch", "Binary", "Channel", "Data", "Depth", "Device", "Length", "Rate", "Width", "channel", "command",
    "device", "given", "names", "seconds", "slug",
]

SEEDS = 2**63 - 1  # the largest that torch takes
Data = Annotated[list[str] | None, typer.Argument(
    help="A file, a folder, a pattern, or one of tiny-shakespeare, penn-treebank, wikitext-2, "
         "python-stdlib (the default: Python's own source).")]
Width = Annotated[int | None, typer.Option(help="Width of the models.")]
Depth = Annotated[int | None, typer.Option(help="Layers of each model.")]
Channel = Annotated[str | None, typer.Option(help="Channel mixer between layers: glu, mlp, or none.")]
Batch = Annotated[int | None, typer.Option(help="Rows of a batch, each a text that goes on.")]
Length = Annotated[int | None, typer.Option(help="Bytes a row goes on by in one update.")]
Rate = Annotated[float | None, typer.Option(help="Highest learning rate.")]
Binary = Annotated[bool, typer.Option("--binary", help="Read files that do not look like text, too.")]
Device = Annotated[str, typer.Option(help="cpu, or cuda.")]


def names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (name.strip() for name in text.split(","))))


def channel(name: str) -> str | None:
    return None if name == "none" else name


def given(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked for; the rest was left out."""
    return {name: value for name, value in asked.items() if value is not None}


def slug(data: tuple[str, ...]) -> str:
    return "-".join(Path(d).stem or "data" for d in data)[:60]


def seconds(text: str) -> float:
    """`90`, `90s`, `1.5m` or `2h` in seconds."""
    unit = {"s": 1, "m": 60, "h": 3600}.get(text[-1:])
    try:
        seconds = float(text[:-1]) * unit if unit else float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise InputError(f"--budget: expected a time such as 30s, 10m or 1h, got {text!r}")
    return seconds


def device(name: str) -> str:
    import torch

    try:
        torch.ones(1, device=name).item()  # which meta has not
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"--device: {name!r} is not to be had here ({str(error).splitlines()[0]}); use cpu") from error
    return name


def command() -> str:
    import shlex

    return shlex.join(["reprise", *sys.argv[1:]])
