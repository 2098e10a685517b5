"""Layers whose single steps, once they are many, run as one piece of machine code."""
from itertools import chain
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from reprise.core.layer import SequenceLayer, State
from reprise.core.marks import NO_MARKS
from reprise.ops.program import AVAILABLE, make_program

__all__ = ["Stepping"]

MANY = 32  # steps without gradients after which it pays to make the machine code: that takes half a second
FEW = 4  # rows up to which it is faster: with more, what torch does by itself is no longer the smaller part


class Stepping(SequenceLayer[State]):
    """A layer of which `step` is `forward` over T = 1, by a shorter way where there is one.

    After some steps without gradients, what `run` does to these shapes is recorded and compiled (`ops/program`). From
    then on a step is one call, and so it stays while shapes and mode do; parameters may change. Whatever the code
    was not made for goes the long way: gradients, autocast, hooks, other devices, many rows.
    """

    def step(self, x, state):
        if torch.is_grad_enabled() or not AVAILABLE:
            return super().step(x, state)
        steps = STEPS.get(self)
        if steps is None:
            steps = STEPS[self] = Steps(self)
        result = steps.take(self, x, state)
        return super().step(x, state) if result is None else result

    def prepare_step(self, batch: int = 1) -> str:
        """Makes the machine code for steps of so many rows now; returns what such a step then runs as."""
        like = next(chain(self.parameters(), self.buffers()))
        steps = STEPS[self] = Steps(self)
        with torch.no_grad():
            return steps.make(self, like.new_zeros(batch, self.width), self.initial_state(batch))


class Code(NamedTuple):
    program: Any
    why: str


class Steps:
    """What is known of a layer's steps: how many there were of each number of rows, and the code that takes them."""

    def __init__(self, layer: nn.Module):
        self.training = layer.training
        self.hooks = [hooks for m in layer.modules() for hooks in (m._forward_hooks, m._forward_pre_hooks)]
        self.taken: dict[int, int] = {}
        self.codes: dict[int, Code] = {}

    def take(self, layer: Stepping, x: Tensor, state: Any) -> tuple[Tensor, Any] | None:
        if layer.training is not self.training or any(self.hooks) or torch.is_autocast_enabled("cpu"):
            return None
        if not isinstance(x, Tensor) or x.ndim != 2 or torch.compiler.is_compiling():
            return None
        rows = x.shape[0]
        code = self.codes.get(rows)
        if code is not None:
            return None if code.program is None else code.program(x, state)
        self.taken[rows] = taken = self.taken.get(rows, 0) + 1
        if taken > MANY:
            layer._check(x[:, None], state)
            self.make(layer, x, state)
        return None

    def make(self, layer: Stepping, x: Tensor, state: Any) -> str:
        code = self.codes[len(x)] = Code(*self._code(layer, x, state))
        return code.why

    def _code(self, layer: Stepping, x: Tensor, state: Any) -> tuple[Any, str]:
        if x.device.type != "cpu" or not 1 <= len(x) <= FEW:
            return None, f"torch, as {len(x)} rows on {x.device} do"

        def step(x, state):
            y, state = layer.run(x[:, None], state, NO_MARKS)
            return y[:, 0], state

        slots = {id(z): (holder, name) for m in layer.modules() for holder in (m._parameters, m._buffers)
                 for name, z in holder.items() if z is not None}
        return make_program(step, x, state, slots)


STEPS: WeakKeyDictionary[nn.Module, Steps] = WeakKeyDictionary()  # beside the layers, so that copies and files lack it
