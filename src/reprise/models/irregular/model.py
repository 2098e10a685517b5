"""Irregular series in, a label, a value or an answer at every event out: every way of reading under one name each."""
from collections.abc import Sequence
from typing import Any, NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

from reprise.core.errors import InputError, check_counts, suggest
from reprise.data.irregular.series import Aligned
from reprise.layers import create_layer
from reprise.models.irregular.between import Aged, Decay, Euler
from reprise.models.irregular.events import Binned, EventReader
from reprise.models.irregular.fill import Fill
from reprise.models.irregular.interpolation import KernelInterpolation, MultiTimeAttention
from reprise.models.irregular.reader import CausalReader, Reader
from reprise.models.irregular.set_function import SetFunction
from reprise.models.pretrained import Pretrained

__all__ = ["READERS", "IrregularModel"]


class Wanted(NamedTuple):
    """What a reader is built from."""

    channels: int
    width: int
    span: float
    unit: float
    points: int
    layer: str
    fill: str
    means: Sequence[float] | None

    def events(self, layer: Any = None, fill: str | None = None, **about: Any) -> EventReader:
        """One layer reading events."""
        layer = create_layer(self.layer, self.width) if layer is None else layer
        return EventReader([layer], Fill(self.channels, fill or self.fill, self.means), unit=self.unit, **about)

    def binned(self, mask: bool) -> Binned:
        return Binned(self.events(mask=mask), self.span, self.points)

    def aged(self, between: nn.Module, fill: str | None = None) -> EventReader:
        return self.events(Aged(create_layer(self.layer, self.width), between), fill)


READERS = {
    "bins": lambda w: w.binned(mask=False),
    "bins_mask": lambda w: w.binned(mask=True),
    "events": lambda w: w.events(),
    "gaps": lambda w: w.events(elapsed=True),
    "gru_d": lambda w: w.aged(Decay(w.channels, w.width), "decay"),
    "ode_rnn": lambda w: w.aged(Euler(w.width)),
    "kernel": lambda w: KernelInterpolation(w.channels, w.width, span=w.span, points=w.points, layer=w.layer),
    "mtan": lambda w: MultiTimeAttention(w.channels, w.width, span=w.span, points=w.points, layer=w.layer),
    "set": lambda w: SetFunction(w.channels, w.width, span=w.span),
}


class IrregularModel(Pretrained):
    """A reader by its name, and small networks that answer from what it read.

    bins, bins_mask     `points` bins, filled as `fill` says, into a layer; with what was seen as inputs
    events, gaps        events as they come, with what was seen; with the time since the one before too. Layers whose
                        steps may be of any length are told it: s5, ltc
    gru_d               inputs and memory that decay with the time since channels were seen
    ode_rnn             a memory that flows between events
    kernel, mtan        reference times, by a kernel or by attention, into a layer
    set                 a function of the set of triples

    channels, outputs: numbers of an event, and of an answer.   span: the time that the series last, of all of a set.
    unit: the time that counts as one step: `span` over `points` where it is not said.   means: of the training part.

    >>> model = IrregularModel("gru_d", channels=3, outputs=4, span=10.0, width=8)
    """

    def __init__(self, reader: str, channels: int, outputs: int, width: int = 32, *, span: float,
                 unit: float | None = None, points: int = 20, layer: str = "gru", fill: str = "mean",
                 means: Sequence[float] | None = None):
        super().__init__()
        check_counts("IrregularModel", channels=channels, outputs=outputs, width=width, points=points)
        if reader not in READERS:
            raise InputError(f"IrregularModel: no reader is named {reader!r}{suggest(reader, READERS)}")
        unit = span / points if unit is None else unit
        self.reader: Reader = READERS[reader](Wanted(channels, width, span, unit, points, layer, fill, means))
        self.answer, self.value = (
            nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, size)) for size in (outputs, channels))

    def forward(self, x: Aligned) -> Float[Tensor, "B E"]:
        """One answer a series."""
        return self.answer(self.reader.whole(x))

    def values(self, x: Aligned, times: Float[Tensor, "B Q"]) -> Float[Tensor, "B Q C"]:
        """What the channels are at these times: between events and after the last, as the reader can."""
        return self.value(self.reader.at(x, times))

    def initial_state(self, batch: int) -> Any:
        return self._causal().initial_state(batch)

    def follow(self, x: Aligned, state: Any = None) -> tuple[Float[Tensor, "B T E"], Any]:
        """An answer at every event, from it and those before, and the state to go on with.

        Raises InputError for a reader that sees a series as a whole.
        """
        y, state = self._causal()(x, state)
        return self.answer(y), state

    def _causal(self) -> CausalReader:
        if not isinstance(self.reader, CausalReader):
            raise InputError(f"IrregularModel: {type(self.reader).__name__} sees a series as a whole and carries no "
                             "state; read event by event with events, gaps, gru_d or ode_rnn")
        return self.reader
