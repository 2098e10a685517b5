"""Linear regression in context: pairs that a hidden vector makes, then an input whose answer is asked for."""
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.errors import InputError, check_counts
from reprise.data.labelled import Labelled

__all__ = ["LinearRegression"]


class LinearRegression:
    """Sequences of `pairs` steps (u_s, w u_s + noise) and a last one (u, 0); the answer is w u. w is another each time.

    u of `size` numbers and w of as many are standard normal. What is best with one step of gradient descent from zero
    on the squares of the pairs is known: `step` of rate 1 / (pairs + size + 1 + noise^2), and `loss` what it leaves.

    Source  Garg et al. 2022, arXiv:2208.01066, sec. 2; tokens of a pair each: von Oswald et al. 2023, arXiv:2212.07677
    """

    def __init__(self, size: int = 3, pairs: int = 12, noise: float = 0.0):
        check_counts("LinearRegression", size=size, pairs=pairs)
        if not noise >= 0:
            raise InputError(f"LinearRegression: expected noise of 0 or more, got {noise}")
        self.size, self.pairs, self.noise = size, pairs, noise

    @property
    def rate(self) -> float:
        """Of the step that leaves the least: E[z wu] / E[z^2], where z is the sum of y_s (u_s u)."""
        return 1 / (self.pairs + self.size + 1 + self.noise**2)

    @property
    def loss(self) -> float:
        """The mean squared error of that step; without any it is `size`."""
        return self.size * (1 - self.pairs * self.rate)

    def sample(self, rows: int, generator: torch.Generator) -> Labelled:
        """x (N T size + 1), T = pairs + 1; y (N 1)."""
        check_counts("LinearRegression.sample", rows=rows)
        w = torch.randn(rows, self.size, 1, generator=generator)
        u = torch.randn(rows, self.pairs + 1, self.size, generator=generator)
        y = u @ w
        asked = y[:, -1].clone()
        y = y + self.noise * torch.randn(y.shape, generator=generator)
        y[:, -1] = 0
        return Labelled(torch.cat([u, y], -1), asked)

    def step(self, x: Float[Tensor, "N T _"], rate: float | None = None) -> Float[Tensor, "N 1"]:
        """What one step of gradient descent on the pairs answers; of the best rate, unless said."""
        u, y = x[..., :-1], x[..., -1:]
        w = (self.rate if rate is None else rate) * (u * y).sum(1)
        return (w * u[:, -1]).sum(1, keepdim=True)
