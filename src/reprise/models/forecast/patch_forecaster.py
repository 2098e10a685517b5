"""Forecasts patch by patch: each stretch of values is one step of any stack, which says the next."""
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from reprise.core.channel import ChannelMixer
from reprise.core.errors import InputError, check_counts
from reprise.core.layer import SequenceLayer
from reprise.layers import create_layer
from reprise.models.forecast.wrappers.instance_norm import InstanceNorm
from reprise.models.stack import Block, Stack

__all__ = ["PatchForecaster", "PatchState", "rimer", "rimer_lite"]

BASE = 10000.0  # of the wavelengths of positions


class PatchState(NamedTuple):
    """How many patches each row has read, and what the stack carries."""

    position: Int64[Tensor, "B"]
    stack: Any


class PatchForecaster(nn.Module):
    """Each series by itself, without its window's level and scale, in patches of P values, with one map for all.

        h_k = stack(W [z_{kP} ... z_{kP+P-1}] + position(k));   next patch = U norm(h_k);   forecasts are read in turn

    stack: any sequence layer; its state is carried, so that a patch costs a step however long the series.
    position: sines and cosines (Vaswani et al. 2017).   normalise: False leaves level and scale as they are.
    Shapes   x (B L D) -> y (B H D), L a multiple of P; `step`: a patch (B P) of one series -> the next (B P)
    Source   Liu et al. 2024, arXiv:2402.02368, sec. 3   (liu2024timer)
    """

    def __init__(self, stack: SequenceLayer, lookback: int, horizon: int, patch: int, *, normalise: bool = True):
        super().__init__()
        check_counts("PatchForecaster", lookback=lookback, horizon=horizon, patch=patch)
        if lookback % patch:
            raise InputError(f"PatchForecaster: expected a lookback of a multiple of the patch, got {lookback} and "
                             f"{patch}; try lookback={max(lookback // patch, 1) * patch}")
        self.lookback, self.horizon, self.patch, self.normalise = lookback, horizon, patch, normalise
        self.scale = InstanceNorm()
        self.into, self.stack = nn.Linear(patch, stack.width), stack
        self.norm, self.out = nn.LayerNorm(stack.width), nn.Linear(stack.width, patch)

    def forward(self, x: Float[Tensor, "B L D"]) -> Float[Tensor, "B H D"]:
        if x.ndim != 3 or x.shape[1] != self.lookback:
            raise InputError(f"PatchForecaster: expected windows of shape (B, {self.lookback}, D), got "
                             f"{tuple(x.shape)}")
        z, scale = self.scale(x) if self.normalise else (x, None)
        found, state = self._read(self._patches(z), self.initial_state(len(x) * x.shape[2]))
        last, ahead = found[:, -1], []
        for _ in range(-(-self.horizon // self.patch) - 1):
            ahead.append(last)
            last, state = self.step(last, state)
        y = torch.cat([*ahead, last], 1)[:, : self.horizon].unflatten(0, (len(x), -1)).mT
        return y if scale is None else self.scale.restore(y, scale)

    def following(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B TP D"]:
        """What it says to each patch of x, the last apart: forecasts of x[:, P:], from the patches as they are.

        Level and scale are those of the first `lookback` values. Values that make no whole patch are left out.
        """
        _, scale = self.scale(x[:, : self.lookback])
        z = (x - scale.mean) / scale.deviation if self.normalise else x
        whole = x.shape[1] // self.patch * self.patch
        found, _ = self._read(self._patches(z[:, : whole - self.patch]), self.initial_state(len(x) * x.shape[2]))
        y = found.flatten(1).unflatten(0, (len(x), -1)).mT
        return self.scale.restore(y, scale) if self.normalise else y

    def initial_state(self, batch: int) -> PatchState:
        position = torch.zeros(batch, dtype=torch.int64, device=self.out.weight.device)
        return PatchState(position, self.stack.initial_state(batch))

    def step(self, patch: Float[Tensor, "B P"], state: PatchState) -> tuple[Float[Tensor, "B P"], PatchState]:
        """The next patch of each series, as the stack says it: values without level and scale."""
        u = self.into(patch) + self._positions(state.position[:, None])[:, 0]
        h, stack = self.stack.step(u, state.stack)
        return self.out(self.norm(h)), PatchState(state.position + 1, stack)

    def _read(
        self, patches: Float[Tensor, "B K P"], state: PatchState,
    ) -> tuple[Float[Tensor, "B K P"], PatchState]:
        count = patches.shape[1]
        at = state.position[:, None] + torch.arange(count, device=patches.device)
        h, stack = self.stack(self.into(patches) + self._positions(at), state.stack)
        return self.out(self.norm(h)), PatchState(state.position + count, stack)

    def _patches(self, z: Float[Tensor, "B T D"]) -> Float[Tensor, "BD K P"]:
        return z.mT.flatten(0, 1).unflatten(1, (-1, self.patch))

    def _positions(self, at: Int64[Tensor, "B K"]) -> Float[Tensor, "B K W"]:
        width = self.into.out_features
        exponents = torch.arange(0, width, 2, device=at.device) / width
        angle = at[..., None] * BASE**-exponents
        return torch.cat([angle.sin(), angle.cos()], -1)[..., :width]


def rimer(lookback: int, horizon: int, patch: int, width: int = 64, depth: int = 2) -> PatchForecaster:
    """Rimer: RWKV-7 in the place of attention, time mixing and channel mixing in turn.

    Source   Hou et al. 2025, arXiv:2503.06121   (hou2025blackgoose)
    """
    stack = Stack(["rwkv7", "rwkv7_channel"] * depth, width, None, norm="layer")
    return PatchForecaster(stack, lookback, horizon, patch)


def rimer_lite(lookback: int, horizon: int, patch: int, width: int = 64) -> PatchForecaster:
    """Rimer as its published code has it: one block, whose channel mixing is one linear map.

    Source   Hou et al. 2025, arXiv:2503.06121, the code Alic-Li/BlackGoose_Rimer   (hou2025blackgoose)
    """
    layer = create_layer("rwkv7", width)
    layer.placed(0, 1)
    return PatchForecaster(Block(width, layer, _LinearChannel(width), norm="layer"), lookback, horizon, patch)


class _LinearChannel(ChannelMixer):
    """y_t = O x_t."""

    def __init__(self, width: int):
        super().__init__()
        self.width, self.out = width, nn.Linear(width, width, bias=False)

    def mix(self, x):
        return self.out(x)
