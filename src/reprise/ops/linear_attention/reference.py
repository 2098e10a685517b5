"""S_t = diag(w_t) S_{t-1} + k_t v_t';  o_t = S_t' q_t, one step at a time."""
import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["linear_attention"]


def linear_attention(
    q: Float[Tensor, "B T H K"], k: Float[Tensor, "B T H K"], v: Float[Tensor, "B T H V"],
    log_w: Float[Tensor, "B T H #K"], S: Float[Tensor, "B H K V"],
) -> tuple[Float[Tensor, "B T H V"], Float[Tensor, "B H K V"]]:
    reads = []
    for q_t, k_t, v_t, w_t in zip(*(z.unbind(1) for z in (q, k, v, log_w.exp())), strict=True):
        S = w_t[..., None] * S + k_t[..., None] * v_t[..., None, :]
        reads.append((q_t[..., None, :] @ S)[..., 0, :])
    return torch.stack(reads, 1), S
