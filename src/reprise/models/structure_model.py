"""Elements of a structure in, one answer out."""
from collections.abc import Mapping
from typing import Any

from jaxtyping import Float, Integer
from torch import Tensor, nn

from reprise.core.errors import InputError, check_counts
from reprise.layers import create_encoder
from reprise.models.pretrained import Pretrained

__all__ = ["StructureModel"]


class StructureModel(Pretrained):
    """Embedded tokens, a structure encoder and a linear read-out: one answer for each whole.

    encoder: the name of one.   options: of that encoder.   vocabulary, outputs: tokens there are, numbers of an answer.

    >>> model = StructureModel("crvnn", vocabulary=12, outputs=2, width=8)
    >>> model(torch.zeros(4, 10, dtype=torch.int64))[0].shape
    torch.Size([4, 2])
    """

    def __init__(self, encoder: str, vocabulary: int, outputs: int, width: int = 64,
                 options: Mapping[str, Any] | None = None):
        super().__init__()
        check_counts("StructureModel", vocabulary=vocabulary, outputs=outputs)
        self.encoder = create_encoder(encoder, width, **(options or {}))
        self.embedding = nn.Embedding(vocabulary, width)
        self.out = nn.Linear(width, outputs)

    def forward(
        self, x: Integer[Tensor, "B N"], lengths: Integer[Tensor, "B"] | None = None,
        heights: Integer[Tensor, "B N"] | None = None,
    ) -> tuple[Float[Tensor, "B E"], Float[Tensor, "B"]]:
        """An answer a row, and what training adds to its loss. `heights`, a tree, where the encoder is told one.

        Raises InputError for what are no tokens, and as the encoder does.
        """
        if x.ndim != 2 or x.is_floating_point():
            raise InputError(f"StructureModel: expected tokens of shape (B, N), got {x.dtype} {tuple(x.shape)}")
        y, penalty = self.encoder(self.embedding(x), lengths, heights if self.encoder.told else None)
        return self.out(y), penalty
