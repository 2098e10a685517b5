"""How far two samples are apart, by kernels, by moments or by transport: each with a scale taken from the samples."""
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.training.alignment.sinkhorn import sinkhorn_divergence, squared_distances

__all__ = ["DISCREPANCIES", "mmd", "moments", "sinkhorn"]

SHARE = 0.05  # of the mean squared distance: the blur of transport


def sinkhorn(x: Float[Tensor, "P N F"], y: Float[Tensor, "P M F"]) -> Float[Tensor, "P"]:
    """The Sinkhorn divergence, its epsilon a twentieth of the mean squared distance in each pair."""
    return sinkhorn_divergence(x, y, SHARE * spread(x, y), steps=50, tolerance=1e-2)


def mmd(x: Float[Tensor, "P N F"], y: Float[Tensor, "P M F"]) -> Float[Tensor, "P"]:
    """The maximum mean discrepancy, squared, of a Gaussian kernel as wide as the mean squared distance in each pair.

    Source   Gretton et al. 2012, A kernel two-sample test   (gretton2012kernel)
    """
    width = spread(x, y)[:, None, None]
    kernel = lambda a, b: (-squared_distances(a, b) / width).exp().mean((-2, -1))  # noqa: E731
    return kernel(x, x) + kernel(y, y) - 2 * kernel(x, y)


def moments(x: Float[Tensor, "P N F"], y: Float[Tensor, "P M F"]) -> Float[Tensor, "P"]:
    """The mean over features of the Kullback-Leibler divergence of two normals with their moments, both ways."""
    floor = 1e-3 * spread(x, y)[:, None] / x.shape[-1]
    of_x, of_y = (sample.var(1, correction=0) + floor for sample in (x, y))
    apart = (x.mean(1) - y.mean(1)).square()
    return ((of_x + apart) / of_y + (of_y + apart) / of_x - 2).mean(-1) / 4


@torch.no_grad()
def spread(x: Float[Tensor, "P N F"], y: Float[Tensor, "P M F"]) -> Float[Tensor, "P"]:
    """The mean squared distance of two points of either sample; never zero."""
    both = torch.cat([x, y], 1)
    return (2 * both.var(1, correction=0).sum(-1)).clamp(min=torch.finfo(x.dtype).eps)


DISCREPANCIES = {"sinkhorn": sinkhorn, "mmd": mmd, "moments": moments}
