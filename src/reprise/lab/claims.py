"""Claims that can fail: an inequality with a margin, and a verdict that follows from its rows."""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Claim", "Verdict", "all_hold", "at_least", "at_most", "exceeds", "weigh"]

Seeds = Mapping[int, float]  # seed -> number

LEAST_SEEDS, DRAWS, LEVEL = 3, 2000, 0.95


@dataclass(frozen=True)
class Claim:
    """That the median of `numbers`, one a seed, is at least `margin` (at most, where `below`); or all its `parts`.

    missing: cells of the grid that should have given a number as well.
    """

    text: str
    numbers: tuple[float, ...] = ()
    margin: float = 0.0
    below: bool = False
    missing: int = 0
    parts: "tuple[Claim, ...]" = ()


@dataclass(frozen=True)
class Verdict:
    """What the rows say: holds, fails or unclear; and the estimate it rests on, with its interval."""

    text: str
    verdict: str
    why: str = ""
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    margin: float | None = None
    seeds: int = 0
    parts: "tuple[Verdict, ...]" = ()


def at_least(text: str, numbers: Seeds, margin: float) -> Claim:
    """The number is `margin` or more."""
    return Claim(text, tuple(numbers.values()), margin, missing=_missing(numbers))


def at_most(text: str, numbers: Seeds, margin: float) -> Claim:
    """The number is `margin` or less."""
    return Claim(text, tuple(numbers.values()), margin, below=True, missing=_missing(numbers))


def exceeds(text: str, better: Seeds, worse: Seeds, by: float) -> Claim:
    """One number exceeds the other by `by` or more, seed by seed; both must have run the same."""
    gaps = tuple(better[seed] - worse[seed] for seed in better if seed in worse)
    return Claim(text, gaps, by, missing=max(_missing(better), _missing(worse), len(better.keys() ^ worse.keys())))


def all_hold(text: str, parts: Sequence[Claim]) -> Claim:
    """Every part holds; one that fails makes it fail."""
    return Claim(text, parts=tuple(parts))


def weigh(claim: Claim) -> Verdict:
    """Holds if the whole bootstrap interval of the median is on the claimed side of the margin, fails if none of it is.

    Fewer than three seeds decide nothing, and neither does a number that is not finite, nor the rest of a grid of which
    cells are missing: those that failed may be those that matter.
    """
    if claim.parts:
        return _together(claim)
    count = len(claim.numbers)
    if claim.missing:
        return Verdict(claim.text, "unclear", f"{claim.missing} of {claim.missing + count} cells missing", seeds=count)
    if count < LEAST_SEEDS:
        return Verdict(claim.text, "unclear", f"{count} of {LEAST_SEEDS} seeds", seeds=count)
    if not np.isfinite(claim.numbers).all():
        return Verdict(claim.text, "unclear", "a number is not finite", seeds=count)
    low, high = interval(claim.numbers)
    right, wrong = low >= claim.margin, high < claim.margin
    if claim.below:
        right, wrong = high <= claim.margin, low > claim.margin
    verdict = "holds" if right else "fails" if wrong else "unclear"
    why = "" if right or wrong else "the interval crosses the margin"
    return Verdict(claim.text, verdict, why, float(np.median(claim.numbers)), low, high, claim.margin, count)


def interval(numbers: Sequence[float]) -> tuple[float, float]:
    """Of the median, by the percentile bootstrap; the same for the same numbers."""
    drawn = np.random.default_rng(0).choice(np.asarray(numbers, float), (DRAWS, len(numbers)))
    rest = (1 - LEVEL) / 2
    low, high = np.quantile(np.median(drawn, 1), [rest, 1 - rest])
    return float(low), float(high)


def _missing(numbers: Seeds) -> int:
    return getattr(numbers, "missing", 0)


def _together(claim: Claim) -> Verdict:
    parts = tuple(weigh(part) for part in claim.parts)
    seeds = min(part.seeds for part in parts)
    for verdict in ("fails", "unclear"):
        found = [part for part in parts if part.verdict == verdict]
        if found:
            return Verdict(claim.text, verdict, _said(found), seeds=seeds, parts=parts)
    return Verdict(claim.text, "holds", seeds=seeds, parts=parts)


def _said(parts: Sequence[Verdict]) -> str:
    """Which parts, and why: those with the same reason together."""
    reasons: dict[str, list[str]] = {}
    for part in parts:
        why = part.why if part.estimate is None else f"{part.estimate:.3g}"
        reasons.setdefault(why, []).append(part.text)
    return "; ".join(f"{', '.join(names)}: {why}" for why, names in reasons.items())
