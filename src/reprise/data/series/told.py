"""What is to be known of a panel before anything is learned from it: a paragraph for people, a card for reports."""
import hashlib
from typing import Any

from reprise.data.series.panel import Panel
from reprise.data.series.reading.rows import stamp

__all__ = ["card", "told"]

SHOWN = 8  # names of series


def told(panel: Panel) -> str:
    """One paragraph: how many series, their clock, and everything that was found and done."""
    lengths = [len(series) for series in panel]
    steps = f"{lengths[0]:,}" if min(lengths) == max(lengths) else f"{min(lengths):,} to {max(lengths):,}"
    steps += " step" if steps == "1" else " steps"
    names = [series.name for series in panel]
    shown = names if len(names) <= SHOWN else [*names[:3], "...", names[-1]]
    head = (f"{panel.name}: {len(panel):,} series ({', '.join(shown)}), "
            f"{panel.step if panel.step is not None else 'irregular'}, {steps}{_span(panel)}")
    season = "no season" if panel.season == 1 else f"a season of {panel.season} steps"
    also = [f"{what}: {', '.join(columns)}" for what, columns in (
        ("known ahead", panel.known), ("static", panel.static)) if columns]
    if panel.official is not None:
        also.append(f"the last {panel.official} steps of each series are the official test part")
    return "; ".join([head, season, *also, *panel.notes]) + "."


def card(panel: Panel) -> dict[str, Any]:
    """The same as plain values; `digest` is of all names, times, values and covariates."""
    lengths = [len(series) for series in panel]
    return {
        "name": panel.name, "series": len(panel), "names": [series.name for series in list(panel)[:SHOWN]],
        "points": sum(lengths), "shortest": min(lengths), "longest": max(lengths),
        "step": None if panel.step is None else str(panel.step), "season": panel.season,
        "start": stamp(min(series.times[0] for series in panel)),
        "end": stamp(max(series.times[-1] for series in panel)),
        "known": list(panel.known), "static": list(panel.static),
        "gaps": sum(int((~series.seen).sum()) for series in panel), "duplicates": panel.repeated,
        "official": panel.official, "notes": list(panel.notes), "digest": _digest(panel),
    }


def _span(panel: Panel) -> str:
    if panel.series[0].times.dtype.kind != "M":
        return ""
    return f" from {stamp(min(s.times[0] for s in panel))} to {stamp(max(s.times[-1] for s in panel))}"


def _digest(panel: Panel) -> str:
    digest = hashlib.sha256()
    for series in panel:
        digest.update(series.name.encode() + b"\0")
        for part in (series.times, series.values, series.known, series.static):
            digest.update(part.tobytes())
    return digest.hexdigest()
