"""Whether a model of dynamics has the attractor of the data: where it dwells, at which frequencies, how it diverges."""
import math

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from reprise.core.errors import InputError

__all__ = ["exponents", "spectrum_distance", "state_distance"]

LITTLE = 1e-5  # of a visit, given to every bin


def state_distance(found: Float[Tensor, "T M"], true: Float[Tensor, "U M"], bins: int = 30) -> float:
    """D_stsp: the Kullback-Leibler divergence, in nats, of where an orbit dwells from where the true one does.

        D = sum over bins k of  p_k log(p_k / q_k),   p of the true orbit, q of the one found

    Space is cut into `bins` a dimension between the smallest and the largest true value; all else, and what is not
    finite, is one bin more. Every bin has 1e-5 of a visit, so that none is impossible. For a few dimensions: in many,
    hardly a bin is visited twice.
    Raises InputError for orbits of other dimensions and without a step, and for a true one that is not finite.

    Source  Koppe et al. 2019, arXiv:1902.07186; Hess et al. 2023, arXiv:2306.04406   (koppe2019identifying)
    """
    if found.ndim != 2 or true.ndim != 2 or found.shape[1:] != true.shape[1:] or not len(found) or not len(true):
        raise InputError(f"state_distance: expected orbits (T M) and (U M), got {tuple(found.shape)} and "
                         f"{tuple(true.shape)}")
    if not torch.isfinite(true).all():
        raise InputError("state_distance: the true orbit is not finite, and no space can be cut into bins by it; "
                         "cut it where it diverges")
    low, high = true.amin(0), true.amax(0)
    bins_visited = torch.cat([_bin(true, low, high, bins), _bin(found, low, high, bins)])
    _, visited = bins_visited.unique(dim=0, return_inverse=True)
    counts = [torch.bincount(part, minlength=int(visited.max()) + 1).double() + LITTLE
              for part in (visited[: len(true)], visited[len(true) :])]
    p, q = (count / count.sum() for count in counts)
    return float((p * (p / q).log()).sum())


def _bin(x: Float[Tensor, "T M"], low: Tensor, high: Tensor, bins: int) -> Int[Tensor, "T M"]:
    """The place of its bin in every dimension, -1 in all of them outside."""
    inside = ((x >= low) & (x <= high)).all(1)
    span = torch.where(high > low, high - low, 1)
    place = (torch.where(inside[:, None], (x - low) / span, 0) * bins).long().clamp(max=bins - 1)
    return torch.where(inside[:, None], place, -1)


def spectrum_distance(found: Float[Tensor, "T M"], true: Float[Tensor, "T M"], smooth: float = 20.0) -> float:
    """D_H: the Hellinger distance of two power spectra, 0 for the same and 1 where no frequency is in both.

        H = sqrt(1 - sum over frequencies of sqrt(f g)),   f and g smoothed and of sum 1;   the mean over dimensions

    smooth: deviation of the Gaussian that spectra are smoothed with, in frequencies of the transform. Values that are
    not finite, and those past 1000 deviations of the true orbit, make it 1.
    Raises InputError for orbits of unlike shapes: frequencies would not be the same.

    Source  Mikhaeil et al. 2022, arXiv:2110.07238; Hess et al. 2023, arXiv:2306.04406   (mikhaeil2022difficulty)
    """
    if found.shape != true.shape or found.ndim != 2 or len(true) < 2 or not smooth > 0:
        raise InputError(f"spectrum_distance: expected orbits of one shape (T M) with two steps or more and smooth "
                         f"above 0, got {tuple(found.shape)}, {tuple(true.shape)}, smooth={smooth}")
    far = (found.double() - true.double().mean(0)).abs() > 1000 * true.double().std(0)
    if not torch.isfinite(found).all() or far.any():
        return 1.0
    f, g = _spectrum(found, smooth), _spectrum(true, smooth)
    return float((1 - (f * g).sqrt().sum(0)).clamp(min=0).sqrt().mean())


def _spectrum(x: Float[Tensor, "T M"], smooth: float) -> Float[Tensor, "F M"]:
    x = x.double()
    power = torch.fft.rfft(x - x.mean(0), dim=0).abs().square()
    reach = min(math.ceil(4 * smooth), len(power) - 1)
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, device=x.device).double() / smooth).square())
    padded = F.pad(power.T[:, None], (reach, reach), mode="reflect")
    smoothed = F.conv1d(padded, (kernel / kernel.sum())[None, None])[:, 0].T + torch.finfo(torch.float64).tiny
    return smoothed / smoothed.sum(0)


def exponents(jacobians: Float[Tensor, "T M M"], settle: int = 0) -> Float[Tensor, "M"]:
    """All Lyapunov exponents of an orbit from the Jacobians of its steps, largest first, in nats a step.

        J_t Q_{t-1} = Q_t R_t;   exponents = mean of log |diagonal of R_t|

    settle: first steps that are not counted, in which the frame turns. Their sum is the mean of log |det J_t|.
    Raises InputError where no step is left to count.

    Source  Benettin et al. 1980, Meccanica 15(1); Geist et al. 1990, doi:10.1143/PTP.83.875, the method by QR
    """
    if jacobians.ndim != 3 or not 0 <= settle < len(jacobians):
        raise InputError(f"exponents: expected Jacobians (T M M) and settle below T, got {tuple(jacobians.shape)}, "
                         f"settle={settle}")
    Q = torch.eye(jacobians.shape[1], dtype=jacobians.dtype, device=jacobians.device)
    grown = []
    for J in jacobians:
        Q, R = torch.linalg.qr(J @ Q)
        grown.append(R.diagonal().abs().log())
    return torch.stack(grown[settle:]).mean(0).sort(descending=True).values  # a frame may stay where it began
