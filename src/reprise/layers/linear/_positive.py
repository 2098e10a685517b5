"""g of Feng et al. 2024, app. B: what keeps the memory of minGRU and minLSTM above zero."""
import torch
from torch import Tensor

__all__ = ["positive"]


def positive(u: Tensor) -> Tensor:
    """Continuous, increasing and above zero, linear where u is positive: u + 1/2 for u > 0, else sigmoid(u)."""
    return torch.where(u > 0, u + 0.5, torch.sigmoid(u))
