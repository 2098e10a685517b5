"""What layers of softmax attention share: their projections, and keys that turn with position."""
from jaxtyping import Int
from torch import Tensor, nn

from reprise.bases.matrix_memory import usual_heads
from reprise.bases.recurrent import Recurrent
from reprise.core.errors import InputError, check_counts
from reprise.core.marks import Marks
from reprise.layers._rotary import rotate

__all__ = ["SoftmaxAttention", "check_divides"]


class SoftmaxAttention(Recurrent):
    """H heads of queries; keys and values have G heads, each of which H / G heads of queries share.

    The author says in `recur` which keys a query sees, and what is carried: keys as they were turned, and a count.
    """

    memory_precision = None  # keys and values as they were, never summed up

    def __init__(self, width: int, heads: int | None, kv_heads: int | None, rotary: float, out_bias: bool):
        name = type(self).__name__
        check_counts(name, width=width, heads=heads, kv_heads=kv_heads)
        if not 0 <= rotary <= 1:
            raise InputError(f"{name}: expected rotary, the share of each head that turns, from 0 to 1, got {rotary}")
        self.heads = usual_heads(width) if heads is None else heads
        self.kv_heads = self.heads if kv_heads is None else kv_heads
        check_divides(name, "heads", self.heads, width=width)
        check_divides(name, "kv_heads", self.kv_heads, heads=self.heads)
        super().__init__(width, ())
        self.key_size = width // self.heads
        self.turning = int(self.key_size * rotary) // 2 * 2
        self.query = nn.Linear(width, width, bias=False)
        self.key, self.value = (nn.Linear(width, self.kv_heads * self.key_size, bias=False) for _ in range(2))
        self.out = nn.Linear(width, width, bias=out_bias)

    def project(self, x):
        return tuple(W(x).unflatten(-1, (-1, self.key_size)) for W in (self.query, self.key, self.value))

    def turned(
        self, p: tuple[Tensor, Tensor, Tensor], seen: Int[Tensor, "B"], marks: Marks
    ) -> tuple[tuple[Tensor, Tensor, Tensor], Int[Tensor, "B T"], Int[Tensor, "B"]]:
        """q, k and v with the position of each step in q and k, which steps come before each, and how many in all."""
        q, k, v = p
        n, position = marks.positions(seen, q.shape[1])
        return (rotate(q, n, self.turning), rotate(k, n, self.turning), v), n, position

    def readout(self, read, x):
        return self.out(read.flatten(2))


def check_divides(who: str, name: str, part: int, **whole: int) -> None:
    """Raises InputError where `part` does not share out the one other number."""
    ((other, size),) = whole.items()
    if size % part:
        near = max(n for n in range(1, part) if size % n == 0)
        raise InputError(f"{who}: {other}={size} is not divisible by {name}={part}; try {name}={near}")
