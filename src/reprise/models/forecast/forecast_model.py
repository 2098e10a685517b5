"""Forecasts by any recurrent layer, with a state that is carried: a new observation costs one step, not a window."""
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Integer
from torch import Tensor, nn

from reprise.bases.stepping import FEW, Stepping
from reprise.core.errors import InputError, check_counts
from reprise.core.marks import NO_MARKS, Marks, mark
from reprise.core.state import concatenate, select
from reprise.models.forecast.ahead import KnownAhead
from reprise.models.forecast.heads import create_head
from reprise.models.forecast.level import Level, Running
from reprise.models.norms import create_norm
from reprise.models.patterns import expand
from reprise.models.pretrained import Pretrained
from reprise.models.stack import Spec, Stack

__all__ = ["ForecastModel", "ForecastState"]


class ForecastState(NamedTuple):
    """level: where the series have been.   tail: the last steps as they were read.   phases: of the layers, one a
    place in a segment; the first is the next to move on.   told: what the layers say of the last step.
    """

    level: Running
    tail: Float[Tensor, "B S F"]
    phases: tuple
    told: Float[Tensor, "B W"]


class ForecastModel(Pretrained, Stepping[ForecastState]):
    """Reads D series step by step, and says at every step how they go on for `horizon` steps.

        m_t, s_t = Level(y)                                          where the series have been of late
        u_t = [(y_{t-S+1..t} - m_t) / s_t, (m_t - m_{t-S}) / s_t, known_{t-S+1..t}, static]
        h_t = Stack(u_t, h_{t-S})                                    S values at once, in S interleaved sequences
        forecast of y_{t+1..t+horizon} = Head(W h_t [+ decoder of what is known of those steps]; m_t, s_t)

    layers: the name of one, `depth` times, or a list, as in Stack.   series: D, read and answered jointly; series apart
    are rows of the batch.   segment: S; each observation still moves one state on by one step, and a sequence is S
    times shorter, which is what makes a GRU forecast well (Lin et al. 2023, SegRNN, arXiv:2308.11200).
    known, static: numbers that are known of every step (of the future, too), and of the series as a whole.
    head: "point", "quantiles", "student_t", or (name, options).   memory, scaled: of the Level; `scaled` divides too.
    `forecast` goes further than `horizon` by reading its own points: horizon=1 is recursive forecasting.

    Values are expected standardised, roughly; state and answers agree whichever way the steps come: all at once, in
    chunks, or one by one.

    >>> model = ForecastModel("gru", horizon=12, width=16, segment=4)
    >>> parameters, state = model(torch.randn(2, 50, 1))
    >>> parameters.shape
    torch.Size([2, 50, 12, 1, 1])
    """

    def __init__(self, layers: str | Sequence[Spec] = "gru", horizon: int = 24, width: int = 64, depth: int = 1,
                 channel: Spec | None = None, dropout: float = 0.0, *, series: int = 1, segment: int = 1,
                 known: int = 0, static: int = 0, head: Any = "point", memory: float | None = None,
                 scaled: bool = False, norm: Spec = "rms"):
        super().__init__()
        check_counts("ForecastModel", horizon=horizon, width=width, series=series, segment=segment)
        if known < 0 or static < 0:
            raise InputError(f"ForecastModel: expected 0 or more known and static, got {known} and {static}")
        self.horizon, self.width, self.segment, self.known, self.static = horizon, series, segment, known, static
        self.head = create_head(head)
        self.level = Level(memory, scaled)
        self.into = nn.Linear(segment * (series + known) + series + static, width)
        self.stack = Stack(expand(layers, depth) if isinstance(layers, str) else list(layers), width, channel, dropout,
                           norm)
        self.norm = create_norm(norm, width)
        self.out = nn.Linear(width, horizon * series * self.head.size)
        self.ahead = KnownAhead(width, horizon, known, series * self.head.size) if known else None

    def initial_state(self, batch: int) -> ForecastState:
        like = self.out.weight
        features = 2 * self.width + self.known + 1
        return ForecastState(self.level.initial_state(batch, self.width, like),
                             like.new_zeros(batch, self.segment, features),
                             (self.stack.initial_state(batch),) * self.segment,
                             like.new_zeros(batch, self.stack.width))

    def forward(
        self, y: Float[Tensor, "B T D"], state: ForecastState | None = None, *,
        known: Float[Tensor, "B TH K"] | None = None, static: Float[Tensor, "B C"] | None = None,
        lengths: Integer[Tensor, "B"] | None = None, at: Integer[Tensor, "*B O"] | None = None,
    ) -> tuple[Float[Tensor, "B T H D E"], ForecastState]:
        """Parameters of the forecasts made after every step, and the state at the end.

        at: the steps after which forecasts are asked for, alike or of each row; every one of the T unless given.
        known: of the T steps and the `horizon` that follow them.   lengths: of rows that are padded on the right.
        """
        self._check(y, state)
        self._check_covariates(y, known, static)
        marks = mark(y, lengths, None)
        state = self.initial_state(len(y)) if state is None else state
        return self._evaluate(marks.pad(y, 0.0), state, marks, (known, static), at)

    def run(self, x, state, marks):
        return self._evaluate(x, state, marks, (None, None), None)

    def step(
        self, y: Float[Tensor, "B D"], state: ForecastState, *, known: Float[Tensor, "B 1H K"] | None = None,
        static: Float[Tensor, "B C"] | None = None,
    ) -> tuple[Float[Tensor, "B H D E"], ForecastState]:
        """One observation. known: of its own step and the `horizon` that follow."""
        if known is None and static is None and not (self.known or self.static):
            return super().step(y, state)
        answers, state = self(y[:, None], state, known=known, static=static)
        return answers[:, 0], state

    def windows(
        self, y: Float[Tensor, "B L D"], *, known: Float[Tensor, "B LH K"] | None = None,
        static: Float[Tensor, "B C"] | None = None,
    ) -> Float[Tensor, "B H D E"]:
        """What `forward` says at the end of each window, from no state: one of S interleaved sequences is run."""
        self._check(y, None)
        self._check_covariates(y, known, static)
        B, L = y.shape[:2]
        state = self.initial_state(B)
        m, s, _ = self.level(y, state.level)
        full = torch.cat([state.tail, self._features(y, m, known)], 1)
        h, _ = self.stack(self._relative(full, m, s, static)[:, (L - 1) % self.segment :: self.segment])
        ahead = None if known is None else known[:, None, L:]
        return self._answer(h[:, -1:], m[:, -1:], s[:, -1:], ahead)[:, 0]

    def advance(
        self, y: Float[Tensor, "B T D"], state: ForecastState, *, known: Float[Tensor, "B T K"] | None = None,
        static: Float[Tensor, "B C"] | None = None, lengths: Integer[Tensor, "B"] | None = None,
    ) -> ForecastState:
        """The state after these steps, without a forecast at any of them: `forecast` makes one when it is asked for."""
        if known is None and static is None and lengths is None and y.shape[1:2] == (1,) and len(y) <= FEW:
            return self.step(y[:, 0], state)[1]  # as machine code, where a forecast costs next to nothing
        self._check(y, state)
        self._check_covariates(y, known, static, ahead=0)
        marks = mark(y, lengths, None)
        return self._read(marks.pad(y, 0.0), state, marks, (known, static))[1] if y.shape[1] else state

    def forecast(
        self, state: ForecastState, horizon: int | None = None, *, known: Float[Tensor, "B H K"] | None = None,
        static: Float[Tensor, "B C"] | None = None,
    ) -> Float[Tensor, "B H D E"]:
        """What follows the steps a state has read. Beyond the model's horizon it reads its own point forecasts.

        known: of the steps that are forecast.
        """
        (m, s), H = self.level.last(state.level), self.horizon
        horizon, parts = horizon or H, []
        self._check_covariate("known", known, (len(m), horizon, self.known))
        known = None if known is None else nn.functional.pad(known, (0, 0, 0, -horizon % H))  # beyond what is asked for
        while True:
            about = None if known is None else known[:, None, :H]
            parts.append(self._answer(state.told[:, None], m[:, None], s[:, None], about)[:, 0])
            if len(parts) * H >= horizon:
                return torch.cat(parts, 1)[:, :horizon]
            point = self.head.point(parts[-1])
            state = self.advance(point, state, known=None if known is None else known[:, :H], static=static)
            (m, s), known = self.level.last(state.level), None if known is None else known[:, H:]

    def _evaluate(
        self, y: Tensor, state: ForecastState, marks: Marks, covariates: tuple[Tensor | None, Tensor | None],
        at: Tensor | None,
    ) -> tuple[Tensor, ForecastState]:
        (B, T, D), known = y.shape, covariates[0]
        if T == 0:
            return y.new_zeros(B, 0, self.horizon, D, self.head.size), state
        (h, m, s), state = self._read(y, state, marks, covariates)
        ahead = None if known is None else known[:, 1:].unfold(1, self.horizon, 1).mT
        if at is not None:
            rows = slice(None) if at.ndim == 1 else torch.arange(B, device=at.device)[:, None]
            h, m, s, ahead = h[rows, at], m[rows, at], s[rows, at], None if ahead is None else ahead[rows, at]
            marks = Marks(None if marks.real is None else marks.real[rows, at])
        return marks.pad(self._answer(h, m, s, ahead), 0.0), state

    def _read(
        self, y: Tensor, state: ForecastState, marks: Marks, covariates: tuple[Tensor | None, Tensor | None],
    ) -> tuple[tuple[Tensor, Tensor, Tensor], ForecastState]:
        """What the layers say of each step, its level and deviation; and the state after the last."""
        (B, T, _), (known, static) = y.shape, covariates
        m, s, level = self.level(y, state.level, marks)
        full = torch.cat([state.tail, self._features(y, m, known)], 1)
        steps = None if marks.real is None else marks.real.sum(1)
        h, phases = self._interleaved(self._relative(full, m, s, static), state.phases, steps)
        tail = full[:, T:] if steps is None else full[torch.arange(B)[:, None], _counting(steps, self.segment)]
        return (h, m, s), ForecastState(level, tail, phases, marks.last(h, state.told))

    def _features(self, y: Tensor, m: Tensor, known: Tensor | None) -> Float[Tensor, "B T F"]:
        """What later steps have to know of these; the one at the end tells them from the zeros before the first."""
        about = [] if known is None else [known[:, : y.shape[1]]]
        return torch.cat([y, *about, m, y.new_ones(*y.shape[:2], 1)], -1)

    def _relative(self, full: Tensor, m: Tensor, s: Tensor, static: Tensor | None) -> Float[Tensor, "B T W"]:
        """The segment that ends at each step, relative to where the series are at its end."""
        D, T, S = self.width, m.shape[1], self.segment
        lags = full[:, 1:].unfold(1, S, 1)  # (B T F S)
        there = lags[:, :, -1:]
        values = (lags[:, :, :D] - m[..., None] * there) / s[..., None]
        moved = (m - full[:, :T, -1 - D : -1]) * full[:, :T, -1:] / s
        parts = [values.flatten(2), lags[:, :, D : D + self.known].flatten(2), moved]
        if static is not None:
            parts.append(static[:, None].expand(-1, T, -1))
        return self.into(torch.cat(parts, -1))

    def _interleaved(self, u: Tensor, phases: tuple, steps: Tensor | None) -> tuple[Tensor, tuple]:
        """Every S-th step belongs to one sequence; all S run side by side as rows. steps: of each row; None for T."""
        (B, T, _), S = u.shape, self.segment
        if steps is None and T == 1:
            h, end = self.stack.run(u, phases[0], NO_MARKS)
            return h, (*phases[1:], end)
        steps = torch.full((B,), T, device=u.device) if steps is None else steps
        rows = torch.nn.functional.pad(u, (0, 0, 0, -T % S)).unflatten(1, (-1, S)).permute(2, 0, 1, 3).flatten(0, 1)
        turn = torch.arange(S, device=u.device)[:, None]
        counts = ((steps - turn + S - 1) // S).clamp_min(0).flatten()  # of the steps of each row
        h, ends = self.stack(rows, concatenate(phases), lengths=counts)
        row = torch.arange(B, device=u.device)
        ends = tuple(select(ends, (j + steps) % S * B + row) for j in range(S))
        return h.unflatten(0, (S, B)).permute(1, 2, 0, 3).flatten(1, 2)[:, :T], ends

    def _answer(self, h: Tensor, m: Tensor, s: Tensor, ahead: Tensor | None) -> Float[Tensor, "B O H D E"]:
        h = self.norm(h)
        raw = self.out(h).unflatten(-1, (self.horizon, -1))
        if self.ahead is not None:
            raw = raw + self.ahead(h, ahead)
        raw = raw.unflatten(-1, (self.width, self.head.size))
        return self.head.parameters_of(raw, m[:, :, None], s[:, :, None])

    def _check_covariates(
        self, y: Tensor, known: Tensor | None, static: Tensor | None, ahead: int | None = None
    ) -> None:
        (B, T), ahead = y.shape[:2], self.horizon if ahead is None else ahead
        self._check_covariate("known", known, (B, T + ahead, self.known),
                              f"; known of the {T} steps and of the {ahead} that follow")
        self._check_covariate("static", static, (B, self.static))

    def _check_covariate(self, name: str, given: Tensor | None, shape: tuple[int, ...], also: str = "") -> None:
        wanted = shape if shape[-1] else None
        if (got := None if given is None else tuple(given.shape)) != wanted:
            raise InputError(f"ForecastModel: expected {name} of shape {wanted}, got {got}{also}")


def _counting(first: Integer[Tensor, "B"], count: int) -> Integer[Tensor, "B C"]:
    return first[:, None] + torch.arange(count, device=first.device)
