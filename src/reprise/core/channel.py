"""The protocol of channel mixers: what stands between sequence layers and sees one step at a time."""
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from reprise.core.configured import Configured
from reprise.core.errors import InputError
from reprise.core.layer import Beside

__all__ = ["ChannelMixer"]


class ChannelMixer(Configured, nn.Module, ABC):
    """A map (B T D) -> (B T D) that treats every step alike and keeps nothing. Authors write `mix`."""

    width: int
    excused: ClassVar[dict[str, str]] = {}  # law -> why this mixer cannot meet it
    undecayed_parameters: ClassVar[tuple[str, ...]] = ()  # as of a sequence layer

    @abstractmethod
    def mix(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """What `forward` does once x is checked."""

    def mix_beside(self, x: Float[Tensor, "B T D"], beside: Beside) -> tuple[Float[Tensor, "B T D"], Beside]:
        """`mix` in a stack, as `SequenceLayer.run_beside` is `run` there."""
        return self.mix(x), beside

    def looks_beside(self) -> bool:
        """Whether it hears or says anything there; if not, `mix` will do."""
        return type(self).mix_beside is not ChannelMixer.mix_beside

    def placed(self, below: Sequence["ChannelMixer"]) -> None:
        """Told once, by a stack that holds it, which mixers stand below: some share parameters with them."""

    def forward(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """Raises InputError for a shape or kind of x that does not fit."""
        name, shape = type(self).__name__, tuple(x.shape) if isinstance(x, Tensor) else f"a {type(x).__name__}"
        if not isinstance(x, Tensor) or x.ndim != 3 or x.shape[2] != self.width:
            raise InputError(f"{name}: expected x of shape (B, T, {self.width}), got {shape}")
        if not x.is_floating_point():
            raise InputError(f"{name}: expected floating-point x, got {x.dtype}; call x.float()")
        return self.mix(x)
