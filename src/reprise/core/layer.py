"""The one protocol every sequence layer obeys."""
from abc import ABC, abstractmethod
from typing import ClassVar, Generic, TypeVar

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from reprise.core.configured import Configured
from reprise.core.errors import InputError
from reprise.core.marks import Marks, mark
from reprise.core.state import named_tensors

__all__ = ["SequenceLayer"]

State = TypeVar("State", bound=tuple)  # a tree of tensors, batch first: core/state.py


class SequenceLayer(Configured, nn.Module, ABC, Generic[State]):
    """A causal map from (B T D) to (B T Y) that can be stopped anywhere and carried on; Y = D where it is registered.

    Callers use `forward` and `step`, which check what they are given; authors write `initial_state` and `run`.
    A layer is handed no clock: what depends on position counts in its state, or `resets` would not reach it.
    """

    width: int
    excused: ClassVar[dict[str, str]] = {}  # law -> why this layer cannot meet it
    recurrent_parameters: ClassVar[tuple[str, ...]] = ()  # those the paper trains slower and without weight decay
    undecayed_parameters: ClassVar[tuple[str, ...]] = ()  # matrices that are rates or gains, which weight decay would spoil

    @abstractmethod
    def initial_state(self, batch: int) -> State:
        """What `batch` rows carry before their first step."""

    @abstractmethod
    def run(self, x: Float[Tensor, "B T D"], state: State, marks: Marks) -> tuple[Float[Tensor, "B T Y"], State]:
        """What `forward` does once everything is checked; input at padding is zero, output there is free."""

    def placed(self, index: int, depth: int) -> None:
        """Told once, by a stack that holds it, which of how many layers this is: for initialisations that depend on it."""

    def forward(
        self, x: Float[Tensor, "B T D"], state: State | None = None, *,
        lengths: Int[Tensor, "B"] | None = None, resets: Bool[Tensor, "B T"] | None = None,
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
        if x.ndim != 2:
            raise InputError(f"{type(self).__name__}.step: expected x of shape (B, {self.width}), got {tuple(x.shape)}; "
                             "use forward for whole sequences")
        y, state = self(x[:, None], state)
        return y[:, 0], state

    def _check(self, x: Tensor, state: State | None) -> None:
        name = type(self).__name__
        if x.ndim != 3 or x.shape[2] != self.width:
            raise InputError(f"{name}: expected x of shape (B, T, {self.width}), got {tuple(x.shape)}; "
                             + ("use step for one step" if x.ndim == 2 else f"or build {name}({x.shape[-1]})"))
        if not x.is_floating_point():
            raise InputError(f"{name}: expected floating-point x, got {x.dtype}; embed tokens first, or call x.float()")
        if state is None:
            return
        want = {n: (len(x), *s.shape[1:]) for n, s in named_tensors(self.initial_state(0))}
        got = {n: tuple(s.shape) for n, s in named_tensors(state)}
        if want != got:
            raise InputError(f"{name}: this state does not fit: expected {want}, got {got}; "
                             f"start from initial_state({len(x)})")

