"""Layers whose single steps, once they are many, run as one piece of machine code."""
from collections.abc import Callable
from itertools import chain
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.autograd import forward_ad

from reprise.core.layer import Beside, SequenceLayer, State
from reprise.core.marks import NO_MARKS
from reprise.core.state import growing
from reprise.ops.program import AVAILABLE, make_program

__all__ = ["FEW", "Stepping"]

MANY = 32  # steps without gradients after which it pays to make the machine code: which takes longer than all of these
FEW = 4  # rows up to which it is faster: with more, what torch does by itself is no longer the smaller part


class Stepping(SequenceLayer[State]):
    """A layer of which `step` is `forward` over T = 1, by a shorter way where there is one.

    After some steps without gradients, what `run` does to these shapes is recorded and compiled (`ops/program`). From
    then on a step is one call, and so it stays while shapes, modules and their modes do. Parameters may change, if not
    by ways that torch does not count, such as `p.data.mul_` and NumPy: after those, and after a change of attributes
    that are no parameters, call `prepare_step`. Whatever the code was not made for goes the long way: gradients,
    autocast, hooks, torch.func, other devices, many rows.
    """

    def step(self, x, state):
        if torch.is_grad_enabled() or not AVAILABLE:
            return super().step(x, state)
        steps = STEPS.get(self)
        if steps is None or not steps.fit():
            steps = STEPS[self] = Steps(self)
        result = steps.take(self, x, state)
        return super().step(x, state) if result is None else result

    def step_beside(self, x: Tensor, state: State, beside: Beside) -> tuple[Tensor, State, Beside]:
        """`step` in a stack, where layers below said `beside` of this step (B ...), as `run_beside` is `run` there."""
        if not torch.is_grad_enabled() and AVAILABLE:
            steps = STEPS.get(self)
            if steps is None or not steps.fit():
                steps = STEPS[self] = Steps(self)
            result = steps.take_beside(self, x, state, beside)
            if result is not None:
                return result
        self._check(x[:, None], state)
        y, state, beside = self.run_beside(x[:, None], state, NO_MARKS, _with_time(beside))
        return y[:, 0], state, _without_time(beside)

    def prepare_step(self, batch: int = 1) -> str:
        """Makes the machine code for steps of so many rows now; returns what such a step then runs as."""
        like = next(chain(self.parameters(), self.buffers()))
        steps = STEPS[self] = Steps(self)
        with torch.no_grad():
            return steps.make(self, like.new_zeros(batch, self.width), self.initial_state(batch))


class Code(NamedTuple):
    program: Any
    why: str
    said: tuple[str, ...] = ()  # names of what stands beside x afterwards


class Steps:
    """What is known of a layer's steps: how many there were of each number of rows, and the code that takes them."""

    def __init__(self, layer: nn.Module):
        modules = list(layer.modules())
        self.hooks = [hooks for m in modules for hooks in (m._forward_hooks, m._forward_pre_hooks)]
        self.insides = [vars(m) for m in modules]  # the modules themselves would keep the layer alive
        self.modes = [m.training for m in modules]
        self.parts, self.first_parts = [m._modules for m in modules], [dict(m._modules) for m in modules]
        self.absent = [(holder, name) for m in modules for holder in (m._parameters, m._buffers)
                       for name, z in holder.items() if z is None]
        self.taken: dict[Any, int] = {}
        self.codes: dict[Any, Code] = {}  # by the number of rows, and for steps in a stack by the names beside as well

    def take(self, layer: Stepping, x: Tensor, state: Any) -> tuple[Tensor, Any] | None:
        if not self._plain(x):
            return None
        rows = x.shape[0]
        code = self.codes.get(rows)
        if code is not None:
            return None if code.program is None else code.program(x, state)
        if self._often(rows):
            layer._check(x[:, None], state)
            self.make(layer, x, state)
        return None

    def take_beside(self, layer: Stepping, x: Tensor, state: Any, beside: Beside) -> tuple[Tensor, Any, Beside] | None:
        if not self._plain(x):
            return None
        names = tuple(beside)
        key = x.shape[0], names
        code = self.codes.get(key)
        if code is not None:
            found = None if code.program is None else code.program(x, (state, tuple(beside.values())))
            return None if found is None else (found[0], found[1][0], dict(zip(code.said, found[1][1], strict=True)))
        if self._often(key):
            layer._check(x[:, None], state)
            self.codes[key] = self._code_beside(layer, x, state, beside)
        return None

    def _plain(self, x: Tensor) -> bool:
        """Whether nothing is at work around a step that machine code would not see."""
        if any(self.hooks) or torch.is_autocast_enabled("cpu") or _watched():
            return False
        return isinstance(x, Tensor) and x.ndim == 2 and not torch.compiler.is_compiling()

    def _often(self, key: Any) -> bool:
        self.taken[key] = taken = self.taken.get(key, 0) + 1
        return taken > MANY

    def fit(self) -> bool:
        """Whether the layer still has the same modules, in the same mode, with parameters in the same places."""
        if self.parts != self.first_parts or [inside["training"] for inside in self.insides] != self.modes:
            return False
        return [holder.get(name) for holder, name in self.absent].count(None) == len(self.absent)

    def make(self, layer: Stepping, x: Tensor, state: Any) -> str:
        def step(x, state):
            y, state = layer.run(x[:, None], state, NO_MARKS)
            return y[:, 0], state

        code = self.codes[len(x)] = Code(*self._code(layer, step, x, state))
        return code.why

    def _code_beside(self, layer: Stepping, x: Tensor, state: Any, beside: Beside) -> Code:
        names, said = tuple(beside), ()

        def step(x, given):
            nonlocal said
            state, values = given
            below = _with_time(dict(zip(names, values, strict=True)))
            y, state, above = layer.run_beside(x[:, None], state, NO_MARKS, below)
            said = tuple(above)
            return y[:, 0], (state, tuple(_without_time(above).values()))

        program, why = self._code(layer, step, x, (state, tuple(beside.values())))
        return Code(program, why, said)

    def _code(self, layer: Stepping, step: Callable, x: Tensor, state: Any) -> tuple[Any, str]:
        if x.device.type != "cpu" or not 1 <= len(x) <= FEW:
            return None, f"torch, as {len(x)} rows on {x.device} do"
        if growing(state):
            return None, "torch, since its state grows with every step"

        places = [(holder, name) for m in layer.modules() for holder in (m._parameters, m._buffers)
                  for name, z in holder.items() if z is not None]
        slots = {id(holder[name]): (holder, name) for holder, name in places}
        if len(slots) != len(places):
            return None, "torch, since two of its modules share a parameter and might cease to"
        return make_program(step, x, state, slots)


def _with_time(beside: Beside) -> Beside:
    return {name: z[:, None] for name, z in beside.items()}


def _without_time(beside: Beside) -> Beside:
    return {name: z[:, 0] for name, z in beside.items()}


def _watched() -> bool:
    """Whether someone follows every operation: torch.func, forward-mode derivatives, a mode, a tracer."""
    return (forward_ad._current_level >= 0 or torch._C._functorch.peek_interpreter_stack() is not None
            or torch._C._len_torch_dispatch_stack() > 0 or torch._C._is_tracing())


STEPS: WeakKeyDictionary[nn.Module, Steps] = WeakKeyDictionary()  # beside the layers, so that copies and files lack it
