"""r, z = sigmoid(p + U h + c);  n = tanh(p + r (U h + c));  h = (1 - z) n + z h: one step at a time."""
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.marks import NO_MARKS, Marks
from reprise.ops.heads import product
from reprise.ops.unroll import unroll

__all__ = ["advance", "gru"]


def advance(
    p: Float[Tensor, "B G"], h: Float[Tensor, "B D"], weight: Float[Tensor, "*H g d"], bias: Float[Tensor, "G"]
) -> Float[Tensor, "B D"]:
    """h one step later; G = 3D: reset r, update z, candidate n."""
    (p_r, p_z, p_n), (h_r, h_z, h_n) = p.chunk(3, -1), product(h, weight, bias).chunk(3, -1)
    r, z = torch.sigmoid(p_r + h_r), torch.sigmoid(p_z + h_z)
    n = torch.tanh(p_n + r * h_n)
    return (1 - z) * n + z * h


def gru(
    p: Float[Tensor, "B T G"], weight: Float[Tensor, "*H g d"], bias: Float[Tensor, "G"], h: Float[Tensor, "B D"],
    marks: Marks = NO_MARKS,
) -> tuple[Float[Tensor, "B T D"], Float[Tensor, "B D"]]:
    def step(p_t, h):
        return advance(p_t, h, weight, bias)

    return unroll(step, p, h, marks, start=torch.zeros_like(h[:1]))
