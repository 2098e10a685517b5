"""Commands on studies: list, show, run, report."""
from pathlib import Path
from typing import Annotated

import typer

from reprise.app.cli.entry import app

studies = typer.Typer(no_args_is_help=True, help="Claims of papers as experiments: list, show, run, report.")
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
    first_seed: Annotated[int, typer.Option(min=0, help="Added to every seed: do the claims stand other ones?")] = 0,
    engine: Annotated[str, typer.Option(help="processes of this machine, or ray: a cluster, that of RAY_ADDRESS or a "
                                             "local one.")] = "processes",
    out: Results = Path("results"),
) -> None:
    """Measure what is missing, weigh the claims. Stopped or killed, the same command goes on where it was.

    Exit code 1 where a cell failed.
    """
    from reprise.app.study import find_study, run_study

    if not run_study(find_study(name, tier, settings or (), first_seed), out, jobs, engine):
        raise typer.Exit(1)


@studies.command("report")
def study_report(
    out: Results = Path("results"), *,
    papers: Annotated[Path, typer.Option(help="The list of papers.")] = Path("papers.csv"),
    update: Annotated[bool, typer.Option("--update", help="Write the verdicts into the list of papers first.")] = False,
) -> None:
    """A site below the results, to be read without a network: a page a study, an index of all papers."""
    from reprise.app.study import report_studies

    report_studies(out, papers, update)
