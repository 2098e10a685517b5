"""The one residual block: any sequence layer in one slot, any channel mixer in the other; a stack is a layer too."""
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from reprise.bases.stepping import Stepping
from reprise.core.channel import ChannelMixer
from reprise.core.errors import InputError
from reprise.core.layer import Beside, SequenceLayer
from reprise.core.marks import Marks
from reprise.layers import create_channel, create_layer
from reprise.models.norms import create_norm

__all__ = ["Block", "Stack"]

Spec = str | tuple[str, dict[str, Any]] | list  # a name, or a name and its options: a list once it has been JSON


class Block(Stepping[Any]):
    """x <- x + layer(norm(x)), then x <- x + channel(norm(x)); the state is the layer's.

    Source   pre-norm residuals: Xiong et al. 2020, arXiv:2002.04745; RMS norms: Zhang & Sennrich 2019, arXiv:1910.07467
    """

    def __init__(self, width: int, layer: SequenceLayer, channel: ChannelMixer | None = None, dropout: float = 0.0,
                 norm: Spec = "rms"):
        super().__init__()
        if not 0 <= dropout < 1:
            raise InputError(f"Block: expected dropout from 0 to below 1, a share of what is dropped, got {dropout}")
        self.width, self.layer, self.channel = width, layer, channel
        self.before_layer = create_norm(norm, width)
        self.before_channel = None if channel is None else create_norm(norm, width)
        self.dropout = nn.Dropout(dropout)

    def initial_state(self, batch):
        return self.layer.initial_state(batch)

    def run(self, x: Tensor, state: Any, marks: Marks):
        x, state, _ = self.run_beside(x, state, marks, {})
        return x, state

    def run_beside(self, x: Tensor, state: Any, marks: Marks, beside: Beside):
        y, state, beside = self.layer.run_beside(self.before_layer(x), state, marks, beside)
        x = x + self.dropout(y)
        if self.channel is not None:
            y, beside = self.channel.mix_beside(self.before_channel(x), beside)
            x = x + self.dropout(y)
        return x, state, beside

    def looks_beside(self):
        return self.layer.looks_beside() or (self.channel is not None and self.channel.looks_beside())


class Stack(Stepping[tuple]):
    """Blocks one above the other; the state is the tuple of theirs, so a hybrid is a list of names.

    >>> Stack(["gru", "rg_lru", ("retnet", {"heads": 2})], 8)(torch.zeros(1, 3, 8))[0].shape
    torch.Size([1, 3, 8])
    """

    def __init__(self, layers: Sequence[Spec], width: int, channel: Spec | None = "glu", dropout: float = 0.0,
                 norm: Spec = "rms"):
        super().__init__()
        if not layers:
            raise InputError("Stack: expected at least one layer, got an empty list; name some, as in ['gru', 'gru']")
        self.width = width
        self.blocks = nn.ModuleList(
            Block(width, _build(create_layer, spec, width),
                  None if channel is None else _build(create_channel, channel, width), dropout, norm)
            for spec in layers)
        below: list[ChannelMixer] = []
        for i, block in enumerate(self.blocks):
            block.layer.placed(i, len(self.blocks))
            if block.channel is not None:
                block.channel.placed(below)
                below.append(block.channel)

    def initial_state(self, batch):
        return tuple(block.initial_state(batch) for block in self.blocks)

    def run(self, x, state, marks):
        x, state, _ = self.run_beside(x, state, marks, {})
        return x, state

    def run_beside(self, x: Tensor, state: tuple, marks: Marks, beside: Beside):
        after = []
        for block, before in zip(self.blocks, state, strict=True):
            x, end, beside = block.run_beside(x, before, marks, beside)
            after.append(end)
        return x, tuple(after), beside

    def looks_beside(self):
        return any(block.looks_beside() for block in self.blocks)

    def step(self, x, state):
        """Block by block, for each may have machine code of its own."""
        hooked = self._forward_hooks or self._forward_pre_hooks
        if torch.is_grad_enabled() or hooked or not isinstance(state, tuple | list) or len(state) != len(self.blocks):
            return super().step(x, state)
        if not isinstance(x, Tensor) or x.shape[1:] != (self.width,):
            return super().step(x, state)
        after: list[Any] = []
        beside: Beside = {}
        for block, before in zip(self.blocks, state, strict=True):
            if block.looks_beside():
                x, end, beside = block.step_beside(x, before, beside)
            else:
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
