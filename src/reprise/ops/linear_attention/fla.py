"""The kernels of flash-linear-attention for GPUs (github.com/fla-org, MIT), where they are installed and asked for."""
from fla.ops import chunk_gla, chunk_simple_gla
from jaxtyping import Float
from torch import Tensor

__all__ = ["bounded", "linear_attention"]

FORGOTTEN = -60.0  # as good as -inf in float32, of which these kernels would take differences


def linear_attention(
    q: Float[Tensor, "B T H K"], k: Float[Tensor, "B T H K"], v: Float[Tensor, "B T H V"],
    log_w: Float[Tensor, "B T H #K"], S: Float[Tensor, "B H K V"],
) -> tuple[Float[Tensor, "B T H V"], Float[Tensor, "B H K V"]]:
    """Their products round to TF32 where the GPU can: less accurate than the other backends."""
    log_w, how = bounded(log_w), {"scale": 1.0, "initial_state": S, "output_final_state": True}
    if log_w.shape[-1] == k.shape[-1]:
        return chunk_gla(q, k, v, g=log_w, **how)
    return chunk_simple_gla(q, k, v, g=log_w[..., 0], **how)


def bounded(log_w: Float[Tensor, "B T H _"]) -> Float[Tensor, "B T H _"]:
    """Nothing below `FORGOTTEN`: a step that keeps less keeps nothing that float32 could tell."""
    return log_w.clamp(min=FORGOTTEN)
