import torch
from torch import nn

from reprise.core.errors import check_counts
from reprise.models.encoder_decoder.base import Additive, EncoderDecoder

__all__ = ["DictionaryNetwork"]


class DictionaryNetwork(EncoderDecoder):
    """Sequence to sequence with answers from a dictionary: slots 1 to `words` exist whether so much was read or not.

        logits = W d;   with attention   W [d, sum_j softmax(v . tanh(W_1 e_j + W_2 d))_j e_j]

    With `once`, which answers what was read, only slots up to the number of elements are open.

    Shapes   x (B N I), answers (B L) -> logits (B L words+1), the end first
    Cost     2 L (words + N D) D work beside the cells', N + L depth
    Source   Sutskever et al. 2014, arXiv:1409.3215; with attention, Bahdanau et al. 2015, arXiv:1409.0473
             (sutskever2014sequence, bahdanau2015neural)
    Differs  attention is read by the output alone, not by the decoder's next step
    """

    def __init__(self, inputs: int, width: int = 128, cell: str = "lstm", words: int = 8, attends: bool = False,
                 once: bool = False):
        super().__init__(inputs, width, cell, once)
        check_counts("DictionaryNetwork", words=words)
        self.words = nn.Embedding(words + 1, width)
        self.looks = Additive(width) if attends else None
        self.out = nn.Linear(width * (2 if attends else 1), words + 1)

    def slots(self, real):
        words = torch.arange(self.words.num_embeddings, device=real.device)
        return (words < real.sum(1, keepdim=True)) | (not self.once)

    def embed(self, slots, encoded):
        return self.words(slots)

    def score(self, d, encoded):
        if self.looks is None:
            return self.out(d)
        weights = self.looks(d, encoded.keys).masked_fill(~encoded.real[:, None], -torch.inf).softmax(-1)
        return self.out(torch.cat([d, weights @ encoded.keys], -1))
