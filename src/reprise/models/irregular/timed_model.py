"""A layer between two linear maps that is told how long each step lasts."""
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.bases.timed import ELAPSED
from reprise.core.errors import InputError, check_counts
from reprise.core.layer import SequenceLayer
from reprise.core.marks import NO_MARKS
from reprise.models.irregular.between import GAPS

__all__ = ["TimedModel"]


class TimedModel(nn.Module):
    """y = out(layer(into(x))), where the layer hears the time of each step beside x, or, if it cannot, has it in x.

    layer: a `Timed` or `Aged` one, which hears it; any, with `as_input`. It carries a state.

    Whole vectors are seen at every step: for channels that are not, there are readers (reader.py).
    """

    def __init__(self, layer: SequenceLayer, inputs: int, outputs: int, *, as_input: bool = False):
        super().__init__()
        check_counts("TimedModel", inputs=inputs, outputs=outputs)
        self.inputs, self.as_input, self.layer = inputs, as_input, layer
        self.into, self.out = nn.Linear(inputs + as_input, layer.width), nn.Linear(layer.width, outputs)

    def initial_state(self, batch: int) -> Any:
        return self.layer.initial_state(batch)

    def forward(
        self, x: Float[Tensor, "B T I"], elapsed: Float[Tensor, "B T"], state: Any = None
    ) -> tuple[Float[Tensor, "B T E"], Any]:
        """Answers at every step, and the state after the last. Raises InputError for other sizes, and times below 0."""
        if x.ndim != 3 or x.shape[2] != self.inputs or elapsed.shape != x.shape[:2]:
            raise InputError(f"TimedModel: expected x of shape (B, T, {self.inputs}) and times of (B, T), got "
                             f"{tuple(x.shape)} and {tuple(elapsed.shape)}")
        if elapsed.numel() and not (elapsed >= 0).all():
            raise InputError(f"TimedModel: expected times of 0 or more, got {float(elapsed.min()):.4g}")
        state = self.initial_state(len(x)) if state is None else state
        u = self.into(torch.cat([x, elapsed[..., None]], -1) if self.as_input else x)
        beside = {} if self.as_input else {ELAPSED: elapsed, GAPS: elapsed[..., None]}
        y, state, _ = self.layer.run_beside(u, state, NO_MARKS, beside)
        return self.out(y), state
