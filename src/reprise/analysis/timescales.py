"""Timescales of what units do: how long their activity stays like itself."""
from math import log10
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from reprise.core.errors import InputError, suggest
from reprise.core.layer import SequenceLayer
from reprise.core.modes import undisturbed

__all__ = ["Decay", "activity", "autocorrelation", "fit_decay"]

SHORTEST, LONGEST = 0.1, 100.0  # steps; the longest as in the authors' fits
FINER = 20  # places for one exponential, for each of two: where two differ little they are one in between
SHARE = 1e-12  # of the variance: a unit that moves less stands still


class Decay(NamedTuple):
    """How the autocorrelation of each unit decays, in steps; NaN for one that stands still."""

    timescale: Float[Tensor, "D"]  # the mean of its timescales, weighted by their shares
    slowest: Float[Tensor, "D"]
    exponentials: Int64[Tensor, "D"]  # 1 or 2; 0 for one that stands still


@torch.no_grad()
def activity(model: nn.Module, part: str, x: Tensor) -> Float[Tensor, "B T D"]:
    """What a sequence layer inside a model, named as by `named_modules`, puts out while the model reads x.

    Without dropout; the model is left in the mode it was in. Raises InputError for a name that is no such layer, and
    for one that the model does not run.
    """
    known = {name: layer for name, layer in model.named_modules() if isinstance(layer, SequenceLayer)}
    if part not in known:
        raise InputError(f"activity: {type(model).__name__} has no sequence layer {part!r}{suggest(part, known)}")
    layer, seen = known[part], []

    def watched(run):  # a stack calls `run_beside`, or `run`, past the hooks of torch
        def running(*given):
            found = run(*given)
            if isinstance(found[0], Tensor) and not any(found[0] is y for y in seen[-1:]):
                seen.append(found[0])  # once, where either calls the other and gives what that gave
            return found
        return running

    layer.run, layer.run_beside = watched(layer.run), watched(layer.run_beside)
    try:
        with undisturbed(model.modules()):
            model(x)
    finally:
        del layer.run, layer.run_beside
    if not seen:
        raise InputError(f"activity: {type(model).__name__} does not run {part!r}, or it gives more than a "
                         "tensor; name the layer that holds it")
    return torch.cat(seen, 1)


def autocorrelation(activity: Float[Tensor, "B T D"], lags: int) -> Float[Tensor, "L D"]:
    """Of every unit at lags 0 to `lags`, 1 at lag 0: products of activity less each row's mean, their mean over rows
    and the steps that have a partner. NaN for a unit that stands still.

    Raises InputError where there are fewer steps than lags.
    """
    if activity.ndim != 3 or not 1 <= lags < activity.shape[1]:
        raise InputError(f"autocorrelation: expected activity (B, T, D) and 1 to T - 1 lags, got "
                         f"{tuple(activity.shape)} and {lags}")
    T = activity.shape[1]
    x = activity.double()
    x = x - x.mean(1, keepdim=True)
    spectrum = torch.fft.rfft(x, 2 * T, 1).abs().square()
    partners = torch.arange(T, T - lags - 1, -1, device=x.device)[:, None]
    products = torch.fft.irfft(spectrum, 2 * T, 1)[:, : lags + 1].mean(0) / partners
    still = products[0] <= SHARE * activity.double().square().mean((0, 1))
    return (products / torch.where(still, torch.nan, products[0])).to(activity.dtype)


def fit_decay(correlation: Float[Tensor, "L D"], places: int = 60) -> Decay:
    """One exponential or two, a exp(-k / s) or a exp(-k / s) + b exp(-k / r) with a, b >= 0, by least squares over all
    lags k; two where Akaike's criterion prefers them.

    Two timescales are looked for at `places` between 0.1 and 100 steps, evenly in their logarithm, one at twenty times
    as many; amplitudes are solved.

    Source   Khajehabdollahi et al. 2023, arXiv:2309.12927; LevinaLab/rnn_timescale_public (khajehabdollahi2023emergent)
    Differs  a grid, where the authors search from a start: it finds the best of its places for every unit
    """
    if correlation.ndim != 2 or len(correlation) < 6:
        raise InputError(f"fit_decay: expected correlations (L, D) at six lags or more, to tell one exponential from "
                         f"two, got {tuple(correlation.shape)}")
    y = correlation.double()
    still = ~y.isfinite().all(0)
    y = y.nan_to_num()
    one, error_one = _single(y, FINER * places)
    (r, s), (a, b), error_two = _double(y, places)
    two = len(y) * (error_one / error_two).log() > 4  # four numbers fitted, not two: 2 more, counted twice
    timescale = torch.where(two, (a * r + b * s) / (a + b).clamp_min(1e-300), one)
    slowest = torch.where(two, torch.maximum(r, s), one)
    timescale, slowest = (torch.where(still, torch.nan, s).to(correlation.dtype) for s in (timescale, slowest))
    return Decay(timescale, slowest, torch.where(still, 0, 1 + two.long()))


def _decays(y: Tensor, places: int) -> tuple[Tensor, Tensor]:
    """Timescales (P,), and how each decays (L P), over the lags of y and where it is."""
    scales = torch.logspace(log10(SHORTEST), log10(LONGEST), places, dtype=torch.float64).to(y.device)
    return scales, torch.exp(-torch.arange(len(y), dtype=torch.float64, device=y.device)[:, None] / scales)


def _single(y: Tensor, places: int) -> tuple[Tensor, Tensor]:
    """The best timescale for every unit, and its mean square error."""
    scales, basis = _decays(y, places)
    size, by = basis.square().sum(0)[:, None], basis.mT @ y
    explained = by.clamp_min(0).square() / size
    best, place = explained.max(0)
    return scales[place], _mean_square(y, best)


def _double(y: Tensor, places: int) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor], Tensor]:
    """The best two timescales for every unit, their amplitudes, and their mean square error.

    Pairs whose best amplitudes are not both positive are no sums of two: one place alone is their limit.
    """
    scales, basis = _decays(y, places)
    i, j = torch.triu_indices(places, places, 1, device=y.device)
    gram, by = basis.mT @ basis, basis.mT @ y
    ii, jj, ij = gram[i, i, None], gram[j, j, None], gram[i, j, None]
    determinant = (ii * jj - ij.square()).clamp_min(1e-12)
    a, b = (jj * by[i] - ij * by[j]) / determinant, (ii * by[j] - ij * by[i]) / determinant
    explained = torch.where((a > 0) & (b > 0), a * by[i] + b * by[j], 0.0)
    best, pair = explained.max(0)
    unit = torch.arange(y.shape[1], device=y.device)
    return (scales[i[pair]], scales[j[pair]]), (a[pair, unit], b[pair, unit]), _mean_square(y, best)


def _mean_square(y: Tensor, explained: Tensor) -> Tensor:
    return ((y.square().sum(0) - explained) / len(y)).clamp_min(1e-18)
