"""S_t = (diag(w_t) + a_t b_t') S_{t-1} + k_t v_t';  o_t = S_t' q_t, one step at a time."""
import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["delta_rule"]


def delta_rule(
    p: tuple[Float[Tensor, "B T H _"], ...], S: Float[Tensor, "B H K V"]
) -> tuple[Float[Tensor, "B T H V"], Float[Tensor, "B H K V"]]:
    """p: q, k, v, log_w, a, b, as in `Correction`."""
    reads = []
    for q, k, v, log_w, a, b in zip(*(z.unbind(1) for z in p), strict=True):
        u = b[..., None, :] @ S
        S = log_w.exp()[..., None] * S + a[..., None] * u + k[..., None] * v[..., None, :]
        reads.append((q[..., None, :] @ S)[..., 0, :])
    return torch.stack(reads, 1), S
