"""The same recurrence on a GPU, as three scans: of maxima, and with these known of numerators and of denominators."""
from jaxtyping import Float
from torch import Tensor

from reprise.ops.linear_scan.triton import linear_scan, maximum_scan
from reprise.ops.normalised_scan.average import Average, Running
from reprise.ops.normalised_scan.parallel import by_scans

__all__ = ["normalised_scan"]


def normalised_scan(
    s: Float[Tensor, "B T *_"], v: Float[Tensor, "B T *N"], log_w: Float[Tensor, "B T *_"], state: Running
) -> tuple[Average, Running]:
    return by_scans(s, v, log_w, state, maximum_scan, linear_scan)
