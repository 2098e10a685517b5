"""Where step sizes start, from Mamba on."""
import math

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["first_dt"]


def first_dt(count: int) -> Float[Tensor, "N"]:
    """softplus of it is log-uniform from 0.001 to 0.1, all above the authors' floor of 1e-4."""
    dt = torch.empty(count).uniform_(math.log(0.001), math.log(0.1)).exp()
    return dt + torch.log(-torch.expm1(-dt))
