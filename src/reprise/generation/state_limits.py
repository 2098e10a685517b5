"""Cures, without training, for a matrix memory that breaks on sequences longer than those of its training.

Each is another recurrence for layers whose memory is S_t = diag(a_t) S_{t-1} + k_t v_t', o_t = S_t' q_t: mamba2, gla,
hgrn2 and their like. `with_operation` puts it into a copy of a model.

Source: Chen et al. 2024, arXiv:2410.07145, its first version (chen2024stuffed)
"""
import copy
import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.bases.matrix_memory import MatrixMemory, Operation
from reprise.core.errors import InputError, check_counts
from reprise.core.marks import NO_MARKS, Marks
from reprise.ops.linear_attention import Association, linear_attention

__all__ = ["ClippedState", "ScaledDecay", "Window", "WindowedState", "with_operation"]


@dataclass(frozen=True)
class ScaledDecay:
    """Forgets more and inserts less: S_t = keep a_t^decay S_{t-1} + write k_t v_t'.

    `decay` makes what is forgotten soon be forgotten sooner, `keep` lets go of what would never be forgotten.
    """

    decay: float = 1.0
    keep: float = 1.0
    write: float = 1.0

    def __post_init__(self) -> None:
        if not (self.decay > 0 and 0 < self.keep <= 1 and self.write > 0):
            raise InputError(f"ScaledDecay: expected decay and write above 0, keep above 0 and up to 1, got decay="
                             f"{self.decay}, keep={self.keep}, write={self.write}; 1 leaves each as it is")

    def start(self, S: Tensor) -> Tensor:
        return S

    def __call__(self, p: Association, S: Tensor, marks: Marks) -> tuple[Tensor, Tensor]:
        log_w = self.decay * p.log_w + math.log(self.keep)
        return linear_attention(p._replace(k=self.write * p.k, log_w=log_w), S, marks)


@dataclass(frozen=True)
class ClippedState:
    """After each step a head's memory with a norm above `limit` is scaled to it: S_t limit / |S_t|, then read.

    The norm is that of all K V numbers of a head. It is not linear any more, so steps are taken one by one.
    """

    limit: float

    def __post_init__(self) -> None:
        if not self.limit > 0:
            raise InputError(f"ClippedState: expected a limit above 0, got {self.limit}")

    def start(self, S: Tensor) -> Tensor:
        return S

    def __call__(self, p: Association, S: Tensor, marks: Marks) -> tuple[Tensor, Tensor]:
        q, k, v, log_w = (z.to(S.dtype) for z in p)
        k, log_w = marks.pad(k, 0.0), marks.restart(marks.pad(log_w, 0.0), -float("inf"))
        reads = []
        for q_t, k_t, v_t, w_t in zip(*(z.unbind(1) for z in (q, k, v, log_w.exp())), strict=True):
            S = w_t[..., None] * S + k_t[..., None] * v_t[..., None, :]
            S = S * (self.limit / S.flatten(2).norm(dim=-1).clamp(min=self.limit))[..., None, None]
            reads.append((q_t[..., None, :] @ S)[..., 0, :])
        return torch.stack(reads, 1) if reads else v, S


class Window(NamedTuple):
    """The memory, what it was `length` steps ago, and what was written since."""

    S: Float[Tensor, "B H K V"]
    before: Float[Tensor, "B H K V"]
    k: Float[Tensor, "B L H K"]
    v: Float[Tensor, "B L H V"]
    log_w: Float[Tensor, "B L H K"]


@dataclass(frozen=True)
class WindowedState:
    """Only the last `length` steps are in what is read: S_t - (a_t a_{t-1} ... a_{t-length+1}) S_{t-length}.

    Both memories are carried, and the steps between them; their product is a sum of logarithms in float64. Rows begin
    with the call: no `resets`, no `lengths`.
    """

    length: int

    def __post_init__(self) -> None:
        check_counts("WindowedState", length=self.length)

    def start(self, S: Tensor) -> Window:
        B, H, K, V = S.shape
        k, v = S.new_zeros(B, self.length, H, K), S.new_zeros(B, self.length, H, V)
        return Window(S, S, k, v, k)

    def __call__(self, p: Association, memory: Window, marks: Marks) -> tuple[Tensor, Window]:
        if marks.real is not None or marks.fresh is not None:
            raise InputError("WindowedState: rows cannot end or begin anew within a call; leave out lengths and resets")
        p, T, r = Association(*(z.to(memory.S.dtype) for z in p)), p.q.shape[1], self.length
        k, v, log_w = (torch.cat([past, now.expand(-1, -1, *past.shape[2:])], 1)
                       for past, now in zip(memory[2:], p[1:], strict=True))
        total = torch.nn.functional.pad(log_w.double().cumsum(1), (0, 0, 0, 0, 1, 0))
        kept = (total[:, r + 1 :] - total[:, 1 : T + 1]).exp().to(p.q.dtype)  # of what is out of the window
        read, S = linear_attention(p, memory.S)
        gone, before = linear_attention(Association(p.q * kept, k[:, :T], v[:, :T], log_w[:, :T]), memory.before)
        return read - gone, Window(S, before, k[:, T:], v[:, T:], log_w[:, T:])


def with_operation(model: nn.Module, operation: Operation) -> nn.Module:
    """A copy of the model in which every layer with a matrix memory runs this operation; weights stay as they are.

    Its states are of its own kind: begin with its `initial_state`. What is saved of it is the model without it.
    Raises InputError for a model without such a layer, or with one that carries more than S or recurs in another way.
    """
    copied = copy.deepcopy(model)
    layers = {name: layer for name, layer in copied.named_modules() if isinstance(layer, MatrixMemory)}
    if not layers:
        raise InputError(f"with_operation: {type(model).__name__} has no layer with a matrix memory; try mamba2 or gla")
    for name, layer in layers.items():
        if not _decays_and_adds(layer):
            raise InputError(f"with_operation: {name}, a {type(layer).__name__}, is no memory that only decays and is "
                             "added to; try mamba2, gla or hgrn2")
        layer.operation = operation
    return copied


class _Asked:
    """An operation that notes what it is asked for."""

    association = False

    def start(self, S: Tensor) -> Tensor:
        return S

    def __call__(self, p: Association, S: Tensor, marks: Marks) -> tuple[Tensor, Tensor]:
        self.association = isinstance(p, Association) and isinstance(S, Tensor)
        return p.v, S


@torch.no_grad()
def _decays_and_adds(layer: MatrixMemory) -> bool:
    """Whether a layer has a single matrix and hands its whole recurrence to its operation."""
    state, asked = layer.initial_state(1), _Asked()
    if not isinstance(state.memory, Tensor):
        return False
    layer.operation = asked
    layer.run(state.memory.new_zeros(1, 1, layer.width, dtype=next(layer.parameters()).dtype), state, NO_MARKS)
    return asked.association
