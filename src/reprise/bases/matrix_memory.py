"""Matrix-valued memory (B H K V): time is chunked matrix products, or one pass with the memory in the cache."""
from math import log
from typing import Any, Protocol

from jaxtyping import Float
from torch import Tensor

from reprise.bases.recurrent import Recurrent
from reprise.core.errors import InputError, check_counts
from reprise.core.marks import Marks
from reprise.ops.delta_rule import Correction, delta_rule
from reprise.ops.linear_attention import Association, linear_attention

__all__ = ["MatrixMemory", "Operation"]

HEAD = 64  # the head size that most of these papers use


class Operation(Protocol):
    """Another recurrence in place of `linear_attention`, with what it starts from: a tree of tensors around S."""

    def start(self, S: Float[Tensor, "B H K V"]) -> Any: ...

    def __call__(self, p: Association, memory: Any, marks: Marks) -> tuple[Float[Tensor, "B T H V"], Any]: ...


class MatrixMemory(Recurrent):
    """The author's `project` gives an `Association` or a `Correction`; what is read is o_t = S_t' q_t, (B T H V).

    An `Association` (q, k, v, log_w) forgets and adds; a `Correction` also moves the memory by a rank-one term.
    `heads` share out `hidden`, which is the width unless it is given; they default to two or more, of size two or more,
    with a size as near to 64 as it allows, by their ratio.
    `operation`, an attribute: what runs instead of the family's own, None for that.
    """

    operation: Operation | None = None

    def __init__(
        self, width: int, heads: int | None = None, key: int | None = None, value: int | None = None,
        hidden: int | None = None,
    ):
        check_counts(type(self).__name__, width=width, heads=heads, key=key, value=value, hidden=hidden)
        shared = width if hidden is None else hidden
        heads = usual_heads(shared) if heads is None else heads
        if shared % heads:
            name = "width" if hidden is None else "hidden"
            near = max(h for h in range(1, heads) if shared % h == 0)
            raise InputError(f"{type(self).__name__}: {name}={shared} is not divisible by heads={heads}; "
                             f"try heads={near}")
        super().__init__(width, (heads, key or shared // heads, value or shared // heads))

    def by_head(self, z: Float[Tensor, "B T D"]) -> Float[Tensor, "B T H K"]:
        return z.unflatten(-1, (self.memory_shape[0], -1))

    def initial_memory(self, batch):
        S = super().initial_memory(batch)
        return S if self.operation is None else self.operation.start(S)

    def recur(self, p, memory, marks):
        if self.operation is not None:
            return self.operation(p, memory, marks)
        return (delta_rule if isinstance(p, Correction) else linear_attention)(p, memory, marks)


def usual_heads(width: int) -> int:
    """How many heads a layer has when it is not told; one where the width cannot be shared out."""
    several = (h for h in range(2, width // 2 + 1) if width % h == 0)
    return min(several, key=lambda h: abs(log(width / h / HEAD)), default=1)
