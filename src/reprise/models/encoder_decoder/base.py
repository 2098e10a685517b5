"""Encoder and decoder of one cell, and the slots that answers are chosen from."""
from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn
from torch.nn.functional import one_hot

from reprise.core.errors import InputError, check_counts
from reprise.data.batches import IGNORED
from reprise.layers import create_layer

__all__ = ["END", "Additive", "Encoded", "EncoderDecoder", "Reading"]

END = 0  # the slot that ends an answer; and, before its first item, begins it


class Encoded(NamedTuple):
    """What decoding carries: a state like any other."""

    memory: Any  # of the decoder
    elements: Float[Tensor, "B N I"]  # what was read
    keys: Float[Tensor, "B S D"]  # what each was read as, the end first
    real: Bool[Tensor, "B S"]  # keys that are no padding
    open: Bool[Tensor, "B V"]  # the slots that may be answered


class EncoderDecoder(nn.Module, ABC):
    """Reads elements (B N I), padded on the right, then answers slots: 0 ends, and 1 to N are the elements read.

    cell: any registered layer; the decoder begins with the encoder's last state.
    once: no element is answered twice, and the answer ends when all have been: a tour, an order.
    Authors write `embed`, what an answered slot gives the decoder, and `score`, what each slot is worth.
    """

    def __init__(self, inputs: int, width: int = 128, cell: str = "lstm", once: bool = False):
        super().__init__()
        check_counts(type(self).__name__, inputs=inputs, width=width)
        self.inputs, self.width, self.once = inputs, width, once
        self.into = nn.Linear(inputs, width)
        self.encoder, self.decoder = create_layer(cell, width), create_layer(cell, width)
        self.start, self.end = nn.Parameter(0.1 * torch.randn(width)), nn.Parameter(0.1 * torch.randn(width))

    @abstractmethod
    def embed(self, slots: Integer[Tensor, "B L"], encoded: Encoded) -> Float[Tensor, "B L D"]:
        """The decoder's input after each answered slot; what it gives for `END` is not used."""

    @abstractmethod
    def score(self, d: Float[Tensor, "B L D"], encoded: Encoded) -> Float[Tensor, "B L V"]:
        """Logits of the slots, closed ones among them."""

    def slots(self, real: Bool[Tensor, "B S"]) -> Bool[Tensor, "B V"]:
        """Those that may be answered: the end, and what was read."""
        return real

    def read(self, x: Float[Tensor, "B N I"], lengths: Integer[Tensor, "B"] | None = None) -> Encoded:
        """The state in which an answer begins. Raises InputError for elements of another size, or none."""
        if x.ndim != 3 or x.shape[2] != self.inputs or not x.shape[1]:
            raise InputError(f"{type(self).__name__}: expected elements of shape (B, N, {self.inputs}) with N of 1 or "
                             f"more, got {tuple(x.shape)}")
        e, memory = self.encoder(self.into(x), lengths=lengths)
        keys = torch.cat([self.end.expand(len(x), 1, -1), e], 1)
        real = torch.ones(keys.shape[:2], dtype=torch.bool, device=x.device)
        if lengths is not None:
            real = torch.arange(keys.shape[1], device=x.device) <= lengths.to(x.device)[:, None]
        open = self.slots(real)
        return Encoded(memory, x, keys, real, _may_end(open) if self.once else open)

    def forward(
        self, x: Float[Tensor, "B N I"], y: Integer[Tensor, "B L"], *, lengths: Integer[Tensor, "B"] | None = None
    ) -> Float[Tensor, "B L V"]:
        """Logits of every slot at every step of the answers `y`, which are given to the decoder as they should be.

        `y` ends with `END`; IGNORED past it. Closed slots have minus infinity.
        """
        encoded = self.read(x, lengths)
        said = torch.where(y == IGNORED, END, y)
        before = torch.cat([self.start.expand(len(x), 1, -1), self.embed(said[:, :-1], encoded)], 1)
        d, _ = self.decoder(before, encoded.memory)
        open = [encoded.open]
        for slot in said[:, :-1].unbind(1):
            open.append(self._answered(open[-1], slot))
        return self.score(d, encoded).masked_fill(~torch.stack(open, 1), -torch.inf)

    def step(self, slot: Integer[Tensor, "B"], encoded: Encoded) -> tuple[Float[Tensor, "B V"], Encoded]:
        """After the slot answered last, `END` before the first: logits of the next, and the state."""
        began = (slot == END)[:, None]
        d = torch.where(began, self.start, self.embed(slot[:, None], encoded)[:, 0])
        d, memory = self.decoder.step(d, encoded.memory)
        open = self._answered(encoded.open, slot)
        after = encoded._replace(memory=memory, open=open)
        return self.score(d[:, None], after)[:, 0].masked_fill(~open, -torch.inf), after

    def reading(self, x: Float[Tensor, "B N I"], lengths: Integer[Tensor, "B"] | None = None) -> "Reading":
        """A model of answers to these elements, for decoders and beam search; every prompt is `[[END]]`."""
        return Reading(self, self.read(x, lengths))

    def _answered(self, open: Bool[Tensor, "B V"], slot: Integer[Tensor, "B"]) -> Bool[Tensor, "B V"]:
        if not self.once:
            return open
        said = one_hot(slot, open.shape[1]).bool()
        return _may_end(open & ~said)


class Reading(nn.Module):
    """An encoder-decoder that has read: `initial_state`, `forward` over slots, `step`, as of any model of tokens."""

    def __init__(self, model: EncoderDecoder, encoded: Encoded):
        super().__init__()
        self.model, self.encoded = model, encoded

    def initial_state(self, batch: int) -> Encoded:
        if batch != len(self.encoded.keys):
            raise InputError(f"Reading: {len(self.encoded.keys)} rows were read, and {batch} are asked for; "
                             "give a prompt for each")
        return self.encoded

    def forward(self, slots: Integer[Tensor, "B L"], state: Encoded) -> tuple[Float[Tensor, "B L V"], Encoded]:
        found = []
        for slot in slots.unbind(1):
            logits, state = self.step(slot, state)
            found.append(logits)
        return torch.stack(found, 1) if found else state.keys.new_zeros(*slots.shape, state.open.shape[1]), state

    def step(self, slot: Integer[Tensor, "B"], state: Encoded) -> tuple[Float[Tensor, "B V"], Encoded]:
        return self.model.step(slot, state)


class Additive(nn.Module):
    """u_j = v . tanh(W_1 e_j + W_2 d)   (Bahdanau et al. 2015, arXiv:1409.0473)"""

    def __init__(self, width: int):
        super().__init__()
        self.from_key = nn.Linear(width, width, bias=False)
        self.from_query = nn.Linear(width, width, bias=False)
        self.weigh = nn.Linear(width, 1, bias=False)

    def forward(self, d: Float[Tensor, "B L D"], keys: Float[Tensor, "B S D"]) -> Float[Tensor, "B L S"]:
        return self.weigh(torch.tanh(self.from_key(keys)[:, None] + self.from_query(d)[:, :, None]))[..., 0]


def _may_end(open: Bool[Tensor, "B V"]) -> Bool[Tensor, "B V"]:
    """The end is open once nothing else is."""
    return torch.cat([~open[:, 1:].any(1, keepdim=True), open[:, 1:]], 1)
