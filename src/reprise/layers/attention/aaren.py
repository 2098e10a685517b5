import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.bases.matrix_memory import usual_heads
from reprise.bases.recurrent import Recurrent
from reprise.core.errors import check_counts
from reprise.layers.attention._softmax import check_divides
from reprise.ops.normalised_scan import Running, normalised_scan

__all__ = ["Aaren"]


class Aaren(Recurrent):
    """Aaren: attention as a recurrent network, its query learned and the same at every step.

        s_t = q . K x_t / sqrt(D / H), in each head;   q = Q u, u learned;   v_t = V x_t
        o_t = sum_{j <= t} softmax_j(s_j) v_j;   y_t = O o_t

    Shapes   x (B T D) -> y (B T D);  memory numerator (B H D/H), denominator and maximum (B H 1)
    Cost     6 T D^2 work, log T depth, D + 2 H numbers of state
    Source   Feng et al. 2024, arXiv:2405.13956, sec. 3.2, 3.3   (feng2024attention)
    Differs  every layer learns a query of its own, where in the paper that of the first passes through the stack; no
             biases; started as `nn.Linear` is, and u as N(0, 1): the paper does not say
    """

    def __init__(self, width: int, heads: int | None = None):
        check_counts("Aaren", width=width, heads=heads)
        self.heads = usual_heads(width) if heads is None else heads
        check_divides("Aaren", "heads", self.heads, width=width)
        super().__init__(width, (self.heads, width // self.heads))
        self.token = nn.Parameter(torch.randn(width))
        self.query, self.key, self.value, self.out = (nn.Linear(width, width, bias=False) for _ in range(4))

    def by_head(self, z: Float[Tensor, "*_ D"]) -> Float[Tensor, "*_ H K"]:
        return z.unflatten(-1, self.memory_shape)

    def initial_memory(self, batch):
        numerator = super().initial_memory(batch)
        denominator = numerator.new_zeros(batch, self.heads, 1)
        return Running(numerator, denominator, denominator - torch.inf)

    def project(self, x):
        query, keys = self.by_head(self.query(self.token[None])), self.by_head(self.key(x))
        return (keys * query).sum(-1, keepdim=True) * query.shape[-1] ** -0.5, self.by_head(self.value(x))

    def recur(self, p, memory, marks):
        s, v = p
        read, memory = normalised_scan(s, v, s.new_zeros(()).expand_as(s), memory, marks)
        return read.mean, memory

    def readout(self, read, x):
        return self.out(read.flatten(2))
