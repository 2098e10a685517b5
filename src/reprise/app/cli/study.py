"""Commands on studies: list, show, run."""
from pathlib import Path
from typing import Annotated

import typer

from reprise.app.cli.entry import app

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
