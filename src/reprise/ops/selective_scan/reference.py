"""h_t = exp(dt_t A) h_{t-1} + dt_t B_t u_t;  y_t = C_t h_t, one step at a time."""
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from reprise.core.marks import over

__all__ = ["selective_scan"]


def selective_scan(
    p: tuple[Float[Tensor, "B T _"], ...], A: Float[Tensor, "D N"], h: Float[Tensor, "B D N"],
    kept: Bool[Tensor, "B T"] | None,
) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B D N"]]:
    """p: u, dt, B, C, as in `Selection`.   kept: False where the state is forgotten first; None: nowhere."""
    reads = []
    for t, (u, dt, B, C) in enumerate(zip(*(z.unbind(1) for z in p), strict=True)):
        h = h if kept is None else torch.where(over(kept[:, t], h), h, 0.0)
        h = torch.exp(dt[..., None] * A) * h + (dt * u)[..., None] * B[:, None]
        reads.append((h @ C[..., None])[..., 0])
    return torch.stack(reads, 1), h
