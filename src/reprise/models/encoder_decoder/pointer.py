from reprise.models.encoder_decoder.base import Additive, EncoderDecoder

__all__ = ["PointerNetwork"]


class PointerNetwork(EncoderDecoder):
    """Pointer network: the answer is a place in what was read, so the dictionary is as long as the input.

        u_j = v . tanh(W_1 e_j + W_2 d);   p(answer = j) = softmax(u)_j

    Nothing is blended: the softmax is the output, and the decoder's next input is the element pointed at.

    Shapes   x (B N I), answers (B L) -> logits (B L N+1), the end first
    Cost     2 L N D^2 work beside the cells', N + L depth
    Source   Vinyals et al. 2015, arXiv:1506.03134, sec. 2.3   (vinyals2015pointer)
    Differs  the end is a learned key in the place of the token that ends; its authors begin decoding with such a token
             too, here a learned vector
    """

    def __init__(self, inputs: int, width: int = 128, cell: str = "lstm", once: bool = False):
        super().__init__(inputs, width, cell, once)
        self.points = Additive(width)

    def embed(self, slots, encoded):
        return self.into(encoded.elements.take_along_dim((slots - 1).clamp_min(0)[..., None], 1))

    def score(self, d, encoded):
        return self.points(d, encoded.keys)
