"""The one residual block: any sequence layer in one slot, any channel mixer in the other; a stack is a layer too."""
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from reprise.bases.stepping import Stepping
from reprise.core.errors import InputError
from reprise.core.layer import SequenceLayer
from reprise.core.marks import Marks
from reprise.layers import create_channel, create_layer

__all__ = ["Block", "Stack"]

Spec = str | tuple[str, dict[str, Any]] | list  # a name, or a name and its options: a list once it has been JSON


class Block(Stepping[Any]):
    """x <- x + layer(norm(x)), then x <- x + channel(norm(x)); the state is the layer's.

    Source   pre-norm residuals: Xiong et al. 2020, arXiv:2002.04745; RMS norms: Zhang & Sennrich 2019, arXiv:1910.07467
    """

    def __init__(self, width: int, layer: SequenceLayer, channel: nn.Module | None = None, dropout: float = 0.0):
        super().__init__()
        if not 0 <= dropout < 1:
            raise InputError(f"Block: expected dropout from 0 to below 1, a share of what is dropped, got {dropout}")
        self.width, self.layer, self.channel = width, layer, channel
        self.before_layer = nn.RMSNorm(width, eps=1e-6)
        self.before_channel = None if channel is None else nn.RMSNorm(width, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def initial_state(self, batch):
        return self.layer.initial_state(batch)

    def run(self, x: Tensor, state: Any, marks: Marks):
        y, state = self.layer.run(self.before_layer(x), state, marks)
        x = x + self.dropout(y)
        if self.channel is not None:
            x = x + self.dropout(self.channel(self.before_channel(x)))
        return x, state


class Stack(SequenceLayer[tuple]):
    """Blocks one above the other; the state is the tuple of theirs, so a hybrid is a list of names.

    >>> Stack(["gru", "rg_lru", ("retnet", {"heads": 2})], 8)(torch.zeros(1, 3, 8))[0].shape
    torch.Size([1, 3, 8])
    """

    def __init__(self, layers: Sequence[Spec], width: int, channel: Spec | None = "glu", dropout: float = 0.0):
        super().__init__()
        if not layers:
            raise InputError("Stack: expected at least one layer, got an empty list; name some, as in ['gru', 'gru']")
        self.width = width
        self.blocks = nn.ModuleList(
            Block(width, _build(create_layer, spec, width),
                  None if channel is None else _build(create_channel, channel, width), dropout)
            for spec in layers)
        for i, block in enumerate(self.blocks):
            block.layer.placed(i, len(self.blocks))

    def initial_state(self, batch):
        return tuple(block.initial_state(batch) for block in self.blocks)

    def run(self, x, state, marks):
        after = []
        for block, before in zip(self.blocks, state, strict=True):
            x, end = block.run(x, before, marks)
            after.append(end)
        return x, tuple(after)

    def step(self, x, state):
        hooked = self._forward_hooks or self._forward_pre_hooks
        if torch.is_grad_enabled() or hooked or not isinstance(state, tuple | list) or len(state) != len(self.blocks):
            return super().step(x, state)
        if not isinstance(x, Tensor) or x.shape[1:] != (self.width,):
            return super().step(x, state)
        after = []
        for block, before in zip(self.blocks, state, strict=True):
            x, end = block.step(x, before)
            after.append(end)
        return x, tuple(after)


def _build(create: Any, spec: Spec, width: int) -> Any:
    match spec:
        case str():
            return create(spec, width)
        case str() as name, dict() as options:
            return create(name, width, **options)
    raise InputError(f"expected a name, or (name, options) as in ('retnet', {{'heads': 2}}), got {spec!r}")
