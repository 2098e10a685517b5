"""A matrix whose rows are learned as a direction and a length."""
import torch
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["WeightNorm"]


class WeightNorm(nn.Module):
    """w = g v / |v| for every row, that is for every output; called, it gives the matrix.

    It starts as the weight it is given. Call it once a sequence and not at every step: the cost is that of the matrix.
    torch's parametrization of the same name computes it at every access, and a module that has one cannot be pickled.
    Source: Salimans & Kingma 2016, arXiv:1602.07868, sec. 2   (salimans2016weight)
    """

    undecayed_parameters = ("direction",)  # its length is without meaning

    def __init__(self, weight: Float[Tensor, "N D"]):
        super().__init__()
        weight = weight.detach()
        self.direction = nn.Parameter(weight.clone())
        self.length = nn.Parameter(torch.linalg.vector_norm(weight, dim=1))

    def forward(self) -> Float[Tensor, "N D"]:
        return (self.length / torch.linalg.vector_norm(self.direction, dim=1))[:, None] * self.direction
