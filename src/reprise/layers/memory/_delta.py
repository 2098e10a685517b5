"""What the layers with a delta rule share."""
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import silu

from reprise.bases.matrix_memory import MatrixMemory
from reprise.core.errors import check_counts
from reprise.core.marks import Marks
from reprise.layers.convolution.short_convolution import ShortConvolution
from reprise.layers.linear._wide import wide
from reprise.ops.delta_rule import Correction, delta_rule

__all__ = ["Delta", "correction", "queries_keys_values", "unit"]


class Delta(MatrixMemory):
    """Every key corrects what it reads by a share beta of the error, `steps` of them for each step of time."""

    largest: ClassVar[float] = 1.0  # beta; a correction has the eigenvalues 1 and 1 - beta

    def __init__(self, width: int, heads: int | None, kernel_size: int, expand: int, steps: int = 1):
        check_counts(type(self).__name__, kernel_size=kernel_size, expand=expand, householders=steps)
        super().__init__(width, heads)
        H, K, _ = self.memory_shape
        self.memory_shape, self.steps = (H, K, expand * K), steps
        self.local = ShortConvolution(width, (1 + steps + steps * expand) * width, kernel_size, bias=False)
        self.strength = nn.Linear(width, steps * H, bias=False)
        self.norm = nn.RMSNorm(expand * K, eps=1e-5)
        self.out = nn.Linear(expand * width, width, bias=False)

    def project(self, x, u):
        q, k, v = queries_keys_values(u, self.memory_shape, self.steps)
        k, v = (z.unflatten(2, (self.steps, -1)).flatten(1, 2) for z in (k, v))
        beta = self.largest * torch.sigmoid(wide(self.strength(x)))
        beta = beta.unflatten(-1, (self.steps, -1)).flatten(1, 2)[..., None]
        return correction(q.repeat_interleave(self.steps, 1), k, v, beta, beta.new_zeros(()).expand_as(beta))

    def recur(self, p, memory, marks):
        one = p.q.shape[1] == self.steps  # step of time is few corrections, and as every single step the definition's
        read, memory = delta_rule(p, memory, finer(marks, self.steps), backend="reference" if one else "auto")
        return read[:, self.steps - 1 :: self.steps], memory

    def readout(self, read, x, u):
        return self.out(self.norm(read).flatten(2))


def queries_keys_values(
    u: Float[Tensor, "B T _"], shape: tuple[int, int, int], steps: int = 1
) -> tuple[Float[Tensor, "B T H K"], Float[Tensor, "B T nH K"], Float[Tensor, "B T nH V"]]:
    """Queries and keys of length one; n = `steps` keys and values for each query."""
    H, K, V = shape
    q, k, v = silu(u).split((H * K, steps * H * K, steps * H * V), -1)
    q, k, v = q.unflatten(-1, (-1, K)), k.unflatten(-1, (-1, K)), v.unflatten(-1, (-1, V))
    return unit(q) * K**-0.5, unit(k), v


def correction(
    q: Float[Tensor, "B T H K"], k: Float[Tensor, "B T H K"], v: Float[Tensor, "B T H V"],
    beta: Float[Tensor, "B T H 1"], log_w: Float[Tensor, "B T H 1"],
) -> Correction:
    """Forget, then move what k reads the share beta of the way to v: w (I - beta k k') S + beta k v'."""
    return Correction(q, beta * k, v, log_w, -log_w.exp() * beta * k, k)


def unit(z: Float[Tensor, "*B K"]) -> Float[Tensor, "*B K"]:
    """Of length one; near zero it shrinks smoothly, so that its gradient stays bounded.

    In float32 at least: longer by a hundredth, a key that is corrected twice over would make the memory grow.
    """
    z = wide(z)
    return z * torch.rsqrt(z.square().sum(-1, keepdim=True) + 1e-6)


def finer(marks: Marks, steps: int) -> Marks:
    """The same marks where every step of time is so many: a sequence begins with the first of them."""
    real, fresh = marks
    if real is not None:
        real = real.repeat_interleave(steps, 1)
    if fresh is not None:
        fresh = torch.stack([fresh, *[torch.zeros_like(fresh)] * (steps - 1)], 2).flatten(1)
    return Marks(real, fresh)
