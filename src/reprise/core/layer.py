"""The one protocol every sequence layer obeys."""
from abc import ABC, abstractmethod
from typing import ClassVar, Generic, TypeVar

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn

from reprise.core.configured import Configured
from reprise.core.errors import InputError
from reprise.core.marks import Marks, mark
from reprise.core.state import growing, named_tensors, shape_without_time

__all__ = ["Beside", "SequenceLayer"]

Beside = dict[str, Tensor]  # what layers of a stack tell those above about the same steps: (B T ...), by name
State = TypeVar("State", bound=tuple)  # a tree of tensors, batch first: core/state.py


class SequenceLayer(Configured, nn.Module, ABC, Generic[State]):
    """A causal map from (B T D) to (B T Y) that can be stopped anywhere and carried on; Y = D where it is registered.

    Callers use `forward` and `step`, which check what they are given; authors write `initial_state` and `run`.
    A layer is handed no clock: what depends on position counts in its state, or `resets` would not reach it.
    """

    width: int
    excused: ClassVar[dict[str, str]] = {}  # law -> why this layer cannot meet it
    recurrent_parameters: ClassVar[tuple[str, ...]] = ()  # those the paper trains slower and without weight decay
    undecayed_parameters: ClassVar[tuple[str, ...]] = ()  # rates and gains kept as matrices: decay would spoil them

    @abstractmethod
    def initial_state(self, batch: int) -> State:
        """What `batch` rows carry before their first step."""

    @abstractmethod
    def run(self, x: Float[Tensor, "B T D"], state: State, marks: Marks) -> tuple[Float[Tensor, "B T Y"], State]:
        """What `forward` does once everything is checked; input at padding is zero, output there is free."""

    def run_beside(
        self, x: Float[Tensor, "B T D"], state: State, marks: Marks, beside: Beside,
    ) -> tuple[Float[Tensor, "B T Y"], State, Beside]:
        """`run` in a stack: beside x comes what layers below said of these steps, and goes what those above may use.

        A layer that says something returns a new dictionary with all that it was given; a name begins with that of the
        layer. Where `run` alone is called, nothing stands below.
        """
        return *self.run(x, state, marks), beside

    def looks_beside(self) -> bool:
        """Whether it hears or says anything there; if not, it may be run without."""
        return type(self).run_beside is not SequenceLayer.run_beside

    def placed(self, index: int, depth: int) -> None:
        """Told once, by a stack that holds it, which of how many layers this is: some initialise by it."""

    def forward(
        self, x: Float[Tensor, "B T D"], state: State | None = None, *,
        lengths: Integer[Tensor, "B"] | None = None, resets: Bool[Tensor, "B T"] | None = None,
    ) -> tuple[Float[Tensor, "B T Y"], State]:
        """Outputs (zero at padding), and the state after each row's last real step.

        lengths: of the rows, right-padded; a row of length 0 keeps its state.   resets: True where a new sequence
        begins inside a row. Raises InputError for a shape, state or mark that does not fit.
        """
        self._check(x, state)
        marks = mark(x, lengths, resets)
        y, state = self.run(marks.pad(x, 0.0), self.initial_state(len(x)) if state is None else state, marks)
        return marks.pad(y, 0.0), state

    def step(self, x: Float[Tensor, "B D"], state: State) -> tuple[Float[Tensor, "B Y"], State]:
        """One step: the output and the state after it. The same function as `forward` over T = 1."""
        if not isinstance(x, Tensor) or x.ndim != 2:
            raise InputError(f"{type(self).__name__}.step: expected x of shape (B, {self.width}), "
                             f"got {_shape(x)}; use forward for whole sequences")
        y, state = self(x[:, None], state)
        return y[:, 0], state

    def _check(self, x: Tensor, state: State | None) -> None:
        name = type(self).__name__
        if not isinstance(x, Tensor) or x.ndim != 3 or x.shape[2] != self.width:
            raise InputError(f"{name}: expected x of shape (B, T, {self.width}), got {_shape(x)}{self._remedy(x)}")
        if not x.is_floating_point():
            raise InputError(f"{name}: expected floating-point x, got {x.dtype}; embed tokens first, or call x.float()")
        self._check_kind(x)
        if state is not None:
            self._check_state(x, state)

    def _remedy(self, x: object) -> str:
        if not isinstance(x, Tensor):
            return "; give a tensor"
        if x.ndim == 2:
            return "; use step for one step"
        return f"; or build {type(self).__name__}({x.shape[-1]})" if x.ndim == 3 else "; batch first, then time"

    def _check_kind(self, x: Tensor) -> None:
        """Torch would say so as well, but of a matrix product somewhere inside; a kernel might not say it at all."""
        like = next(self.parameters(), None)
        if like is None:
            return
        if x.device != like.device:
            raise InputError(f"{type(self).__name__}: x is on {x.device} and the parameters are on {like.device}; "
                             f"call x.to({str(like.device)!r}), or move the layer")
        if x.dtype != like.dtype and not _casts(x):
            kinds = {p.dtype for p in self.parameters()}  # a layer may keep some of its parameters wider
            if x.dtype not in kinds:
                raise InputError(f"{type(self).__name__}: x is {x.dtype} and the parameters are "
                                 f"{' and '.join(map(str, kinds))}; call x.to({like.dtype}), or cast the layer")

    def _check_state(self, x: Tensor, state: State) -> None:
        start = self.initial_state(0)
        like, given, grows = dict(named_tensors(start)), dict(named_tensors(state)), growing(start)
        want = {n: (len(x), *shape_without_time(s, n in grows)[1:]) for n, s in like.items()}
        got = {n: shape_without_time(s, n in grows) for n, s in given.items()}
        if want != got:
            raise InputError(f"{type(self).__name__}: this state does not fit: expected {want}, got {got}; "
                             f"start from initial_state({len(x)})")
        for n, s in like.items():
            if s.device != given[n].device or (s.dtype != given[n].dtype and not _casts(x)):
                raise InputError(f"{type(self).__name__}: this state does not fit: {n} is {given[n].dtype} on "
                                 f"{given[n].device}, expected {s.dtype} on {s.device}; `move` takes it elsewhere; "
                                 f"for another precision start from initial_state({len(x)})")


def _casts(x: Tensor) -> bool:
    """Whether autocast is at work, which brings types together by itself."""
    kind = x.device.type
    return torch.amp.is_autocast_available(kind) and torch.is_autocast_enabled(kind)


def _shape(x: object) -> str:
    return str(tuple(x.shape)) if isinstance(x, Tensor) else f"a {type(x).__name__}"
