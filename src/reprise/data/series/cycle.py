"""Where in its cycle a series is, by its own clock, and how long that cycle is."""
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from reprise.core.errors import InputError
from reprise.data.series.clock import LENGTHS, MONTHS
from reprise.data.series.panel import Series, Step

__all__ = ["estimate_cycle", "first_tick"]

CYCLES = 4  # that are to be seen of a cycle, for it to be one
EXCESS, NOISE = 0.1, 4.0  # of autocorrelation over that half a cycle away: the least, and times 1 / sqrt(T) more
NEAR = 0.05  # the share by which a shorter cycle may be less clear than the clearest


def first_tick(series: Series, step: Step | None) -> int:
    """The steps of a clock from its zero to the first value of a series; its value i is at that and i steps more.

    The clock of dates begins in 1970, that of numbers at 0: series that begin at different times, and parts of one,
    agree on their phase. Of irregular series (step None) values are counted from the first.
    """
    if step is None or not len(series):
        return 0
    first = series.times[0]
    if not step.unit:
        return round(float(first) / step.count)
    if step.unit in MONTHS:
        return int(first.astype("datetime64[M]").astype(np.int64)) // (step.count * MONTHS[step.unit])
    if step.unit == "B":
        return int(np.busday_count("1970-01-01", first.astype("datetime64[D]"))) // step.count
    return int(first.astype("datetime64[ns]").astype(np.int64)) // (step.count * LENGTHS[step.unit])


def estimate_cycle(parts: Sequence[Float[np.ndarray, " T"]], longest: int | None = None) -> int:
    """The steps after which series are most like themselves, by autocorrelation; 1 where they never are. A fixed rule.

        e(p) = a(p) - (a(p / 2) + a(3 p / 2)) / 2,   a: autocorrelations at lags, a mean over all series

    The shortest lag p whose e is the largest, to 5 % or 2 / sqrt(T), among peaks of a where e(p) and the same at 2 p
    are above 0.1 + 4 / sqrt(T). e is zero where a falls evenly, as it does for series that drift; a peak of noise does
    not come again at 2 p. Taken of the series without a straight line and of their differences, which hide a drift;
    whichever has the larger e is believed.
    parts: what may be looked at, the training parts.   longest: the longest cycle that is looked for; a quarter of the
    longest part, unless given.
    Raises InputError where no part is given, and for a longest of less than 2.
    Differs  from Lin et al. 2024, arXiv:2409.18479, app. B.2 (lin2024cyclenet), who take the largest of all a
    """
    if not parts or (longest is not None and longest < 2):
        raise InputError(f"estimate_cycle: expected a series or more and a longest cycle of 2 or more, got "
                         f"{len(parts)} and {longest}; leave longest out to look as far as a quarter of them")
    size = max(map(len, parts))
    longest = min(size // CYCLES, size if longest is None else longest)
    if longest < 2:
        return 1
    _, best = max(_likest(parts, longest), _likest([np.diff(part) for part in parts], longest))
    return best


def _likest(parts: Sequence[Float[np.ndarray, " T"]], longest: int) -> tuple[float, int]:
    """The largest e, and its lag; (0, 1) where no cycle is."""
    reach = longest * 5 // 2 + 2
    found = [a for part in parts if len(part) >= reach and (a := _autocorrelation(part, reach)) is not None]
    if not found:
        return 0.0, 1
    a, lags = np.mean(found, 0), np.arange(2, longest + 1)
    size = max(map(len, parts))
    least = EXCESS + NOISE / np.sqrt(size)
    half, once, more, twice, most = (np.interp(lags * times, np.arange(reach), a) for times in (0.5, 1, 1.5, 2, 2.5))
    excess, again = once - (half + more) / 2, twice - (more + most) / 2
    peak = (once >= a[lags - 1]) & (once >= a[lags + 1]) & (excess > least) & (again > least)
    if not peak.any():
        return 0.0, 1
    largest = excess[peak].max()
    near = peak & (excess >= largest - max(NEAR * largest, NOISE / np.sqrt(size) / 2))
    return float(largest), int(lags[near.argmax()])


def _autocorrelation(values: Float[np.ndarray, " T"], reach: int) -> Float[np.ndarray, " R"] | None:
    """At lags 0 to reach - 1; sums are over what is there, divided by all T. None of a series without variance."""
    t = np.linspace(-1.0, 1.0, len(values))
    rest = values - values.mean()
    rest = rest - t * (t @ rest) / (t @ t)
    if not rest @ rest > 1e-18 * (values @ values):
        return None
    spectrum = np.fft.rfft(rest, 2 * len(rest))
    found = np.fft.irfft(np.abs(spectrum) ** 2)[:reach]
    return found / found[0]
