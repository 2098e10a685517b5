"""The kernel of flash-linear-attention for GPUs (github.com/fla-org, MIT), where it is installed and asked for."""
from fla.ops import chunk_dplr_delta_rule
from jaxtyping import Float
from torch import Tensor

from reprise.ops.linear_attention.fla import bounded

__all__ = ["delta_rule"]


def delta_rule(
    p: tuple[Float[Tensor, "B T H _"], ...], S: Float[Tensor, "B H K V"]
) -> tuple[Float[Tensor, "B T H V"], Float[Tensor, "B H K V"]]:
    """p: q, k, v, log_w, a, b, as in `Correction`. Its products round to TF32 where the GPU can."""
    q, k, v, log_w, a, b = p
    gk = bounded(log_w).expand_as(k)
    # what this project writes with, a, they call b, and read with a
    return chunk_dplr_delta_rule(q, k, v, a=b, b=a, gk=gk, scale=1.0, initial_state=S, output_final_state=True)
