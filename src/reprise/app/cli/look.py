"""Commands that look: layers, pages, prove, bench, info."""
from pathlib import Path
from typing import Annotated

import typer

from reprise.app.cli import options
from reprise.app.cli.entry import app


@app.command(epilog="Example: reprise layers rg_lru")
def layers(name: Annotated[str, typer.Argument(help="A name, or a pattern such as '*gru'.")] = "*") -> None:
    """List the layers, or tell all about one: equations, shapes, cost, source, options."""
    from reprise.app.show import show_layers

    show_layers(name)


@app.command()
def pages(
    folder: Annotated[Path, typer.Argument(help="Where the pages are.")] = Path("docs/layers"), *,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit code 1 where a page is stale.")] = False,
) -> None:
    """Write the documentation's pages on layers from the layers themselves, a page a family."""
    from reprise.app.pages import stale_pages, write_pages

    stale = stale_pages(folder) if check else write_pages(folder)
    for path in stale:
        print(path, "is stale" if check else "written")
    if check and stale:
        raise typer.Exit(1)


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
    if not measure(Settings(tuple(names or ()), options.names(passes) or ("forward", "training", "step"), steps,
                            options.seconds(budget), growth, threads), out):
        raise typer.Exit(1)


@app.command()
def info() -> None:
    """Versions, machine, what the command line sets for speed, where data are looked for."""
    from reprise.app.show import show_info

    show_info()
