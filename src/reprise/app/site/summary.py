"""What came out, as Markdown: for those who read the results where they lie, without opening a page."""
from collections.abc import Mapping, Sequence

from reprise.app.drawing.markdown import cell
from reprise.app.site.papers import counted
from reprise.lab.claims import Verdict
from reprise.lab.study import Study

__all__ = ["summary"]

ABOUT = """# Claims that can fail

Every claim has a margin that was written before the run, and a baseline that could have won. It holds where the whole
bootstrap interval of the median over seeds is on its side, fails where none of it is, and is unclear else. What was
measured lies beside this page, a row a cell; `reprise study run NAME` measures it again, and `reprise study report`
writes this page and [the site](index.html), which has tables and figures."""


def summary(studies: Mapping[str, tuple[Study, Sequence[Verdict]]]) -> str:
    """studies: place -> the study and its verdicts, none where it has not run."""
    parts, weighed = [ABOUT], [verdict.verdict for _, verdicts in studies.values() for verdict in verdicts]
    if weighed:
        parts.append(f"{len(weighed)} claims: {counted(weighed)}.")
    for place, (study, verdicts) in studies.items():
        if verdicts:
            parts += [f"## [{study.name}]({place}/index.html)", cell(study.summary), "\n".join(_lines(verdicts))]
    if waiting := [study.name for study, verdicts in studies.values() if not verdicts]:
        parts.append(f"Not run yet: {', '.join(waiting)}.")
    return "\n\n".join(parts) + "\n"


def _lines(verdicts: Sequence[Verdict]) -> list[str]:
    lines = ["| verdict | claim | median | interval |", "|---|---|---|---|"]
    for verdict in verdicts:
        known = verdict.estimate is not None
        interval = f"{verdict.low:.3g} to {verdict.high:.3g}" if known else ""
        estimate = f"{verdict.estimate:.3g}" if known else cell(verdict.why)
        lines.append(f"| {verdict.verdict} | {cell(verdict.text)} | {estimate} | {interval} |")
    return lines
