"""An activation that is learned: one polynomial over another."""
import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.core.errors import InputError, suggest

__all__ = ["Rational"]

STARTS = {  # a and b of the best fit to each, by least squares on [-3, 3]
    "leaky_relu": ((0.0335713, 0.505, 1.65072, 2.00265, 0.926456, 0.151187), (0, 3.96564, 0, 0.299381)),
    "gelu": ((-0.00342627, 0.5, 0.423102, 0.211429, 0.0782282, 0.0123161), (0, 0.422859, 0, 0.0246323)),
    "silu": ((0.000656516, 0.5, 0.249319, 0.357897, 0.154652, 0.0215114), (0, 0.715793, 0, 0.0430229)),
    "tanh": ((0, 0.999994, 0, 0.107693, 0, 0.000870405), (0, 0.440998, 0, 0.0145754)),
    "identity": ((0, 1, 0, 0.5, 0, 0.05), (0, 0.5, 0, 0.05)),
}


class Rational(nn.Module):
    """R(x) = (a_0 + a_1 x + ... + a_5 x^5) / (1 + |b_1 x + ... + b_4 x^4|), one function for all units.

    It starts as near to `start` as it can be on [-3, 3]. Powers are taken in float32 at least.
    Source: Delfosse et al. 2021, arXiv:2102.09407, sec. 2; version B of its code, which has no poles.
    """

    undecayed_parameters = ("a", "b")  # decay would push the denominator to one

    def __init__(self, start: str = "leaky_relu"):
        super().__init__()
        if start not in STARTS:
            raise InputError(f"Rational: no activation is named {start!r}{suggest(start, STARTS)}")
        self.a, self.b = (nn.Parameter(torch.tensor(c, dtype=torch.get_default_dtype())) for c in STARTS[start])

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        wide = torch.promote_types(x.dtype, torch.float32)
        return quotient(x.to(wide), self.a.to(wide), self.b.to(wide)).to(x.dtype)


def quotient(x: Float[Tensor, "..."], a: Float[Tensor, "M"], b: Float[Tensor, "N"]) -> Float[Tensor, "..."]:
    """By Horner's rule."""
    above, below = a[-1], b[-1]
    for coefficient in a[:-1].flip(0):
        above = above * x + coefficient
    for coefficient in b[:-1].flip(0):
        below = below * x + coefficient
    return above / (1 + (below * x).abs())
