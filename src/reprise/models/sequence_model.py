"""Numbers in, numbers out: what a language model is to tokens, for series, signals and pixels."""
from collections.abc import Sequence
from typing import Any, Literal

from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn

from reprise.core.errors import InputError, check_counts
from reprise.core.marks import Marks, mark, over
from reprise.models.norms import create_norm
from reprise.models.patterns import expand
from reprise.models.pretrained import Pretrained
from reprise.models.stack import Spec, Stack

__all__ = ["SequenceModel"]

READS = ("each", "last", "mean")


class SequenceModel(Pretrained):
    """A linear map into the width, a stack of any layers, a norm and a linear read-out; carries its state.

    layers: the name of one, `depth` times, or of a published pattern; or a list of names (or of (name, options)).
    inputs, outputs: numbers of a step, and of an answer.   channel: the channel mixer of every block, None for none.
    read: "each", an answer a step; "last", one a sequence, at its last real step; "mean", one a sequence, from the mean
    over its real steps. A sequence without any step has none: its answer is that of zeros.
    norm: "rms", "layer", or either with its eps, before each layer and each mixer and at the end.

    >>> model = SequenceModel("lru", inputs=3, outputs=2, width=8, read="mean")
    >>> model(torch.zeros(4, 10, 3))[0].shape
    torch.Size([4, 2])
    """

    def __init__(self, layers: str | Sequence[Spec], inputs: int, outputs: int, width: int = 64, depth: int = 2,
                 channel: Spec | None = "glu", dropout: float = 0.0, *,
                 read: Literal["each", "last", "mean"] = "each", norm: Spec = "rms"):
        super().__init__()
        check_counts("SequenceModel", inputs=inputs, outputs=outputs, width=width)
        if read not in READS:
            raise InputError(f"SequenceModel: expected read to be one of {', '.join(READS)}, got {read!r}")
        self.inputs, self.read = inputs, read
        self.into = nn.Linear(inputs, width)
        self.stack = Stack(expand(layers, depth) if isinstance(layers, str) else list(layers), width, channel, dropout,
                           norm)
        self.norm = create_norm(norm, width)
        self.out = nn.Linear(width, outputs)

    def initial_state(self, batch: int) -> Any:
        return self.stack.initial_state(batch)

    def forward(
        self, x: Float[Tensor, "B T I"], state: Any = None, *,
        lengths: Integer[Tensor, "B"] | None = None, resets: Bool[Tensor, "B T"] | None = None,
    ) -> tuple[Float[Tensor, "B ... E"], Any]:
        """Answers (B T E), or (B E) where there is one a sequence, and the state after each row's last real step.

        Raises InputError for a state where the mean is read: steps before it would not be in the mean.
        """
        if self.read == "mean" and state is not None:
            raise InputError("SequenceModel: the mean is over whole sequences, and a state stands for steps that would "
                             "not be in it; give the sequence at once, or build it with read='last'")
        if not isinstance(x, Tensor) or x.ndim != 3 or x.shape[2] != self.inputs:
            got = tuple(x.shape) if isinstance(x, Tensor) else f"a {type(x).__name__}"
            raise InputError(f"SequenceModel: expected x of shape (B, T, {self.inputs}), got {got}; "
                             "a single number a step is x[..., None]")
        y, state = self.stack(self.into(x), state, lengths=lengths, resets=resets)
        return self.out(self._read(self.norm(y), mark(x, lengths, resets))), state

    def step(self, x: Float[Tensor, "B I"], state: Any) -> tuple[Float[Tensor, "B E"], Any]:
        """One step of it. Raises InputError where the answer is not one a step."""
        if self.read == "mean":
            raise InputError("SequenceModel: the mean over a sequence is known at its end only; build it with "
                             "read='last' or 'each' to go step by step")
        y, state = self.stack.step(self.into(x), state)
        return self.out(self.norm(y)), state

    def _read(self, y: Float[Tensor, "B T D"], marks: Marks) -> Tensor:
        if self.read == "each":
            return y
        nothing = y.new_zeros(y.shape[0], y.shape[2])
        if self.read == "last":
            return marks.last(y, nothing)
        if marks.real is None:
            return y.mean(1) if y.shape[1] else nothing
        steps = over(marks.real.sum(1), nothing).clamp_min(1)
        return marks.pad(y, 0.0).sum(1) / steps
