"""Layers that can be told how much time there was before each step."""
from abc import abstractmethod
from typing import Any

from jaxtyping import Float
from torch import Tensor

from reprise.bases.recurrent import Recurrent

__all__ = ["ELAPSED", "Timed"]

ELAPSED = "elapsed"  # what it is told under beside x: (B T), of steps of the length that the layer otherwise takes


class Timed(Recurrent):
    """A recurrent layer whose steps may be of any length: in a stack it is told, beside x, what has `ELAPSED`.

    Where nothing is said all steps are of length one, and `project_over` gives what `project` does. The author writes
    the first; the layer has no `local`, whose steps would be of no length.
    """

    @abstractmethod
    def project_over(self, x: Float[Tensor, "B T D"], elapsed: Float[Tensor, "B T"]) -> Any:
        """`project`, where so much time, 0 or more, is between each step and the one before."""

    def run_beside(self, x, state, marks, beside):
        if ELAPSED not in beside:
            return *self.run(x, state, marks), beside
        return *self.carry_on(self.project_over(x, beside[ELAPSED]), (x,), state, marks), beside
