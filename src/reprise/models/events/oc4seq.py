"""Cases of one class: how far a whole case, and the strangest stretch of it, are from where normal ones lie."""
from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn

from reprise.core.errors import InputError, check_counts
from reprise.core.marks import WHOLE, mark
from reprise.core.modes import undisturbed
from reprise.layers import create_layer
from reprise.models.pretrained import Pretrained

__all__ = ["OC4Seq", "OC4SeqState"]

LEAST = 0.1  # of an entry of a centre, whatever its sign


class OC4SeqState(NamedTuple):
    """What a stream carries: the states of the layers, the last `window` embedded events, the strangest stretch yet."""

    layers: tuple[Any, ...]
    recent: Float[Tensor, "B W D"]
    strangest: Float[Tensor, "B"]


class OC4Seq(Pretrained):
    """Squared distances from two fixed centres: of the last output of recurrent layers over all events, and, at most
    over places, of one layer's last output over the `window` events that end there.

        score = whole |g - c_g|^2 + part max_t |l_t - c_l|^2

    It learns from normal cases alone, by making their scores small. `centre` is called once, before training.
    layer: the name of any layer.   whole, part: the weight of each distance; one of them may be 0, but not both.
    Shapes   tokens (B T) of `kinds` -> scores (B,)
    Cost     window times that of one layer, for the stretches
    Source   Wang et al. 2020, arXiv:2008.13361   (wang2020multiscale)
    Differs  padding is left out of the maximum over places
    """

    global_centre: Tensor
    local_centre: Tensor

    def __init__(self, kinds: int, width: int = 64, depth: int = 2, window: int = 7, layer: str = "gru", *,
                 whole: float = 1.0, part: float = 1.0):
        super().__init__()
        check_counts("OC4Seq", kinds=kinds, width=width, depth=depth, window=window)
        if min(whole, part) < 0 or not whole + part > 0:
            raise InputError(f"OC4Seq: expected weights of 0 or more, one of them above it, got {whole} and {part}")
        self.kinds, self.window, self.whole, self.part = kinds, window, whole, part
        self.embedding = nn.Embedding(kinds, width)
        self.layers = nn.ModuleList(create_layer(layer, width) for _ in range(depth))
        self.local = create_layer(layer, width)
        self.register_buffer("global_centre", torch.full((width,), LEAST))
        self.register_buffer("local_centre", torch.full((width,), LEAST))

    def forward(self, tokens: Integer[Tensor, "B T"], *, lengths: Integer[Tensor, "B"] | None = None
                ) -> Float[Tensor, "B"]:
        """The score of every case: larger is stranger. A case without events has no strange stretch."""
        g, stretches, real = self.features(tokens, lengths)
        distances = (stretches - self.local_centre).square().sum(-1).masked_fill(~real, 0.0)
        strangest = distances.amax(1) if tokens.shape[1] else g.new_zeros(len(g))
        return self._score(g, strangest)

    def features(
        self, tokens: Integer[Tensor, "B T"], lengths: Integer[Tensor, "B"] | None = None,
    ) -> tuple[Float[Tensor, "B D"], Float[Tensor, "B T D"], Bool[Tensor, "B T"]]:
        """What distances are taken of: one vector a case, one a stretch; and which stretches are real."""
        self._check(tokens, 2)
        x = self.embedding(tokens)
        marks = mark(x, lengths, None)
        B, T, D = x.shape
        real = torch.ones_like(tokens, dtype=torch.bool) if marks.real is None else marks.real
        padded = torch.nn.functional.pad(x, (0, 0, self.window, 0))
        windows = padded.unfold(1, self.window, 1)[:, 1:].movedim(-1, 2).reshape(B * T, self.window, D)
        y, _ = self.local(windows)
        stretches = y[:, -1].view(B, T, D)
        for layer in self.layers:
            x, _ = layer(x, lengths=lengths)
        return marks.last(x, x.new_zeros(B, D)), stretches, real

    @torch.no_grad()
    def centre(self, batches: Iterable[Any]) -> "OC4Seq":
        """Puts the centres where the untrained layers put these cases on average, and returns the model.

        batches: of `x` (B T) and `lengths`. Entries nearer 0 than 0.1 are moved there: weights of 0 would reach them.
        Raises InputError where there is no event.
        """
        cases, places = 0, 0
        total, stretch = torch.zeros_like(self.global_centre), torch.zeros_like(self.local_centre)
        with undisturbed(self.modules()):
            for batch in batches:
                g, stretches, real = self.features(batch.x, batch.lengths)
                cases, places = cases + len(g), places + int(real.sum())
                total, stretch = total + g.sum(0), stretch + stretches[real].sum(0)
        if not places:
            raise InputError("OC4Seq.centre: expected a case with an event, got none; give normal cases")
        self.global_centre.copy_(_away(total / cases))
        self.local_centre.copy_(_away(stretch / places))
        return self

    def initial_state(self, batch: int) -> OC4SeqState:
        none = self.global_centre.new_zeros(batch, self.window, len(self.global_centre))
        return OC4SeqState(tuple(layer.initial_state(batch) for layer in self.layers), none, none[:, 0, 0])

    def step(self, token: Integer[Tensor, "B"], state: OC4SeqState) -> tuple[Float[Tensor, "B"], OC4SeqState]:
        """The score of each case up to and with this event."""
        self._check(token, 1)
        x = self.embedding(token)
        recent = torch.cat([state.recent[:, 1:], x[:, None]], 1)
        y, _ = self.local(recent)
        strangest = (y[:, -1] - self.local_centre).square().sum(-1).maximum(state.strangest)
        after = []
        for layer, before in zip(self.layers, state.layers, strict=True):
            x, end = layer.step(x, before)
            after.append(end)
        return self._score(x, strangest), OC4SeqState(tuple(after), recent, strangest)

    def _score(self, g: Float[Tensor, "B D"], strangest: Float[Tensor, "B"]) -> Float[Tensor, "B"]:
        return self.whole * (g - self.global_centre).square().sum(-1) + self.part * strangest

    def _check(self, tokens: Tensor, dimensions: int) -> None:
        if tokens.ndim != dimensions or tokens.dtype not in WHOLE:
            raise InputError(f"OC4Seq: expected whole numbers of shape {('(B,)', '(B, T)')[dimensions - 1]}, got "
                             f"{tokens.dtype} {tuple(tokens.shape)}; forward reads (B, T), step one event a row")
        if tokens.numel() and not 0 <= int(tokens.min()) <= int(tokens.max()) < self.kinds:
            raise InputError(f"OC4Seq: expected kinds from 0 to {self.kinds - 1}, got {int(tokens.min())} to "
                             f"{int(tokens.max())}; number the log under the vocabulary of training")


def _away(centre: Float[Tensor, "D"]) -> Float[Tensor, "D"]:
    return torch.where(centre.abs() < LEAST, torch.where(centre < 0, -LEAST, LEAST), centre)
