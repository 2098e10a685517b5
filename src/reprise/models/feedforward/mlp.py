"""A multilayer perceptron: what recurrent models are compared with, and what many papers on learning train."""
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn

from reprise.core.errors import InputError, check_counts, suggest

__all__ = ["MLP"]

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "gelu": nn.GELU, "leaky_relu": nn.LeakyReLU}


class MLP(nn.Module):
    """Linear maps with an activation after each but the last; called like any model, it reads x (B, ...) flattened.

        h_0 = x;   h_l = activation(W_l h_{l-1} + b_l);   answers = W h_L + b

    `hidden`, a Sequential, is all up to the features h_L (B D); `out` is the last map.
    widths: of the hidden layers; none make a linear model.   start: "torch", uniform within 1 / sqrt(inputs), or
    "kaiming", uniform weights of variance 2 / inputs before an activation and 1 / inputs at the end, biases of zero.

    >>> MLP(64, 10, (32, 32))(torch.zeros(5, 8, 8))[0].shape
    torch.Size([5, 10])
    """

    def __init__(self, inputs: int, outputs: int, widths: Sequence[int] = (100,), activation: str = "relu", *,
                 bias: bool = True, start: str = "torch"):
        super().__init__()
        check_counts("MLP", inputs=inputs, outputs=outputs, width=min(widths, default=1))
        if activation not in ACTIVATIONS:
            raise InputError(f"MLP: no activation is named {activation!r}{suggest(activation, ACTIVATIONS)}")
        if start not in ("torch", "kaiming"):
            raise InputError(f"MLP: expected start to be torch or kaiming, got {start!r}")
        self.inputs, sizes = inputs, (inputs, *widths)
        self.hidden = nn.Sequential()
        for before, after in pairwise(sizes):
            self.hidden.extend([nn.Linear(before, after, bias), ACTIVATIONS[activation]()])
        self.out = nn.Linear(sizes[-1], outputs, bias)
        if start == "kaiming":
            self._kaiming()

    def forward(
        self, x: Float[Tensor, "B ..."], state: Any = None, *,
        lengths: Integer[Tensor, "B"] | None = None, resets: Bool[Tensor, "B T"] | None = None,
    ) -> tuple[Float[Tensor, "B E"], None]:
        """Answers (B E), and no state. Raises InputError for rows of other sizes, and for what only sequences have."""
        if lengths is not None or resets is not None or state is not None:
            raise InputError("MLP: it reads whole rows and carries nothing on; give x alone")
        if not isinstance(x, Tensor) or x.ndim < 2 or x[:1].numel() != self.inputs * len(x[:1]):
            got = tuple(x.shape) if isinstance(x, Tensor) else f"a {type(x).__name__}"
            raise InputError(f"MLP: expected x of shape (B, ...) with {self.inputs} numbers a row, got {got}")
        return self.out(self.hidden(x.flatten(1))), None

    def _kaiming(self) -> None:
        for layer in (*self.hidden, self.out):
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_uniform_(layer.weight, nonlinearity="linear" if layer is self.out else "relu")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
