"""Who stands beside whom, where each is there by a probability only."""
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

__all__ = ["neighbours"]


def neighbours(e: Float[Tensor, "B S"]) -> tuple[Float[Tensor, "B S S"], Float[Tensor, "B S S"]]:
    """L and R: from each place, who is its nearest left and right neighbour, where place j exists by e_j in [0, 1].

    Walk away from it and take e_j of each place until they come to 1; what is more than 1 is cut off. Where the walk
    ends before, a row has less than 1 in all.
    """
    until = pad(e.cumsum(1), (1, 0))  # what exists before each place
    between = (until[:, None] - until[:, :, None]).clamp(0, 1)  # from place a up to place b, b left out; at most 1
    left = (between[:, :-1, :-1] - between[:, 1:, :-1]).mT
    return left, between[:, 1:, 1:] - between[:, 1:, :-1]
