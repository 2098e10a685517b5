"""N-BEATS: blocks that explain a part of the window each, and forecast from that part."""
from collections.abc import Sequence
from math import pi
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn

from reprise.core.errors import InputError, check_counts, suggest

__all__ = ["NBeats", "Trace"]

Kind = Literal["generic", "trend", "season"]
SCALES = ("max", "mean", None)


class Trace(NamedTuple):
    """What a network of M stacks of N blocks did on the way to its forecast."""

    forecast: Float[Tensor, "B H D"]
    blocks: Float[Tensor, "M N B H D"]  # the part of each block; their sum is the forecast
    features: tuple[Float[Tensor, "B D F"], ...]  # of each stack: the features of its blocks, side by side


class NBeats(nn.Module):
    """N-BEATS: every block takes from its input what it can say in its basis, and adds its forecast of the same.

        x_1 = x / level;   h = relu(W_4 ... relu(W_1 x_l + b_1) ...);   x_{l+1} = x_l - V_b A_b h;   y_l = V_f A_f h
        y = level sum_l y_l

    V is learned ("generic"), polynomials of the time up to `degree` ("trend"), or waves of whole periods in the span
    ("season"). With `shared`, the blocks of a stack are one block applied again and again: a recurrence over depth.
    Every series goes its own way, at its own level, so that a network may forecast series it was not trained on.

    stacks: the kind of each.   blocks: of every stack.   layers: W of a block.   scale: what a window is divided by,
    its largest or mean absolute value, or nothing.   residual: False leaves out the subtraction, for comparisons.
    Shapes   x (B L D) -> y (B H D)
    Source   Oreshkin et al. 2020, arXiv:1905.10437   (oreshkin2020nbeats); shared and scaled, Oreshkin et al. 2021,
             arXiv:2002.02887   (oreshkin2021meta)
    Differs  generic blocks have V A as one matrix, and a bias; no gradient flows through the level

    >>> NBeats(36, 12, ("trend", "season"), blocks=3, width=64)(torch.ones(5, 36, 2)).shape
    torch.Size([5, 12, 2])
    """

    def __init__(
        self, lookback: int, horizon: int, stacks: Sequence[Kind] = ("generic",), *, blocks: int = 3, width: int = 512,
        layers: int = 4, shared: bool = False, scale: Literal["max", "mean"] | None = "max", degree: int = 3,
        residual: bool = True,
    ):
        super().__init__()
        check_counts("NBeats", lookback=lookback, horizon=horizon, stacks=len(stacks), blocks=blocks, width=width,
                     layers=layers)
        if scale not in SCALES:
            raise InputError(f"NBeats: expected scale to be max, mean or None, got {scale!r}")
        if degree < 0:
            raise InputError(f"NBeats: expected a degree of 0 or more, got {degree}")
        self.lookback, self.horizon, self.scale, self.residual = lookback, horizon, scale, residual
        self.blocks = blocks
        self.stacks = nn.ModuleList(
            nn.ModuleList(_block(kind, lookback, horizon, (width,) * layers, degree)
                          for _ in range(1 if shared else blocks))
            for kind in stacks)

    def forward(
        self, x: Float[Tensor, "B L D"], lengths: Integer[Tensor, "B"] | None = None,
    ) -> Float[Tensor, "B H D"]:
        """The next H values of each series. lengths: how many values at the end of each window are real; None for all.

        Raises InputError for windows of another length than L.
        """
        return self.trace(x, lengths).forecast

    def trace(self, x: Float[Tensor, "B L D"], lengths: Integer[Tensor, "B"] | None = None) -> Trace:
        """The forecast, and what it is made of: parts to look at, and features to align."""
        real = self._real(x, lengths)
        B, _, D = x.shape
        rows = x.mT.reshape(B * D, self.lookback)
        if real is not None:
            real = real.repeat_interleave(D, 0)
            rows = rows.where(real, 0)
        level = self._level(rows, real)
        rows, parts, features = rows / level, [], []
        for stack in self.stacks:
            of_stack = []
            for index in range(self.blocks):
                h, backcast, part = stack[index % len(stack)](rows)
                if self.residual:
                    rows = rows - (backcast if real is None else backcast.where(real, 0))
                parts.append(part * level)
                of_stack.append(h)
            features.append(torch.cat(of_stack, 1).view(B, D, -1))
        blocks = torch.stack(parts).view(len(self.stacks), self.blocks, B, D, self.horizon).mT
        return Trace(blocks.sum((0, 1)), blocks, tuple(features))

    def _real(self, x: Tensor, lengths: Tensor | None) -> Bool[Tensor, "B L"] | None:
        if x.ndim != 3 or x.shape[1] != self.lookback:
            raise InputError(f"NBeats: expected windows of shape (B, {self.lookback}, D), got {tuple(x.shape)}; pad "
                             "shorter ones on the left, and give their lengths")
        if lengths is None:
            return None
        if lengths.shape != x.shape[:1]:
            raise InputError(f"NBeats: expected a length for each of {len(x)} windows, got {tuple(lengths.shape)}")
        return torch.arange(self.lookback, 0, -1, device=x.device) <= lengths[:, None]

    @torch.no_grad()
    def _level(self, rows: Tensor, real: Tensor | None) -> Float[Tensor, "R 1"]:
        """What each window is divided by; 1 for one that is zero throughout."""
        if self.scale is None:
            return torch.ones_like(rows[:, :1])
        sizes = rows.abs()
        if self.scale == "max":
            level = sizes.amax(1, keepdim=True)
        else:
            counts = self.lookback if real is None else real.sum(1, keepdim=True).clamp(min=1)
            level = sizes.sum(1, keepdim=True) / counts
        return level.where(level > 0, 1)


class _Block(nn.Module):
    """Features of a window, and from them its part in a basis, before now and after: (R L) -> (R F), (R L), (R H)."""

    def __init__(self, lookback: int, widths: Sequence[int]):
        super().__init__()
        self.extract = nn.Sequential()
        for before, after in zip((lookback, *widths), widths):
            self.extract.extend([nn.Linear(before, after), nn.ReLU()])

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h = self.extract(rows)
        return h, *self.expand(h)


class _Generic(_Block):
    def __init__(self, lookback: int, horizon: int, widths: Sequence[int]):
        super().__init__(lookback, widths)
        self.backcast, self.forecast = nn.Linear(widths[-1], lookback), nn.Linear(widths[-1], horizon)

    def expand(self, h: Tensor) -> tuple[Tensor, Tensor]:
        return self.backcast(h), self.forecast(h)


class _Fixed(_Block):
    """A basis that is known: V (K L) of the window and (K H) of what follows; only its coefficients are learned."""

    def __init__(self, before: Float[Tensor, "K L"], after: Float[Tensor, "J H"], widths: Sequence[int]):
        super().__init__(before.shape[1], widths)
        self.register_buffer("before", before, persistent=False)
        self.register_buffer("after", after, persistent=False)
        self.backcast = nn.Linear(widths[-1], len(before), bias=False)
        self.forecast = nn.Linear(widths[-1], len(after), bias=False)

    def expand(self, h: Tensor) -> tuple[Tensor, Tensor]:
        return self.backcast(h) @ self.before, self.forecast(h) @ self.after


def _block(kind: str, lookback: int, horizon: int, widths: Sequence[int], degree: int) -> _Block:
    if kind == "generic":
        return _Generic(lookback, horizon, widths)
    if kind == "trend":
        return _Fixed(powers(lookback, degree), powers(horizon, degree), widths)
    if kind == "season":
        return _Fixed(waves(lookback), waves(horizon), widths)
    raise InputError(f"NBeats: no stack is of kind {kind!r}{suggest(kind, ('generic', 'trend', 'season'))}")


def powers(steps: int, degree: int) -> Float[Tensor, "K T"]:
    """t^0 ... t^degree, t from 0 to 1."""
    return (torch.arange(steps) / steps) ** torch.arange(degree + 1)[:, None]


def waves(steps: int) -> Float[Tensor, "K T"]:
    """1, and cosines and sines of 1 ... steps / 2 - 1 periods in all the steps."""
    angle = 2 * pi * torch.arange(max(steps // 2, 1))[:, None] * torch.arange(steps) / steps
    return torch.cat([angle.cos(), angle[1:].sin()])
