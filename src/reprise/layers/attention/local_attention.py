import torch
from torch import nn

from reprise.layers.attention._window import cut
from reprise.layers.attention._windowed import WindowedAttention

__all__ = ["LocalAttention"]


class LocalAttention(WindowedAttention):
    """Griffin's local attention: softmax over the last few steps, with keys and values that all heads share.

        q, k = turn(Q x_t, t), turn(K x_t, t);   v = V x_t;   t: position, turns the first half of each head
        o_t = sum_j softmax_j(q_t . k_j / sqrt(K)) v_j,  j = t - W + 1 .. t;   y_t = O o_t + c

    Shapes   x (B T D) -> y (B T D);  memory: the last W - 1 keys and values (B W-1 G K), K = D / H, and a count (B)
    Cost     4 T D^2 + 8 T W D work: blocks of queries, each beside the keys it can reach
    Source   De et al. 2024, arXiv:2402.19427, sec. 2.3; google-deepmind/recurrentgemma   (de2024griffin)
    Differs  a query sees `window` steps with its own, as in transformers' port; in the authors' code, one more;
             O does not start smaller in deeper stacks; W is 1024 as in the paper, 2048 in the models they gave out
    """

    def __init__(
        self, width: int, heads: int | None = None, kv_heads: int = 1, window: int = 1024, rotary: float = 0.5,
        out_bias: bool = True,
    ):
        super().__init__(width, heads, kv_heads, window, rotary, out_bias)
        for linear in (self.query, self.key, self.value, self.out):
            nn.init.normal_(linear.weight, std=width**-0.5)
        if out_bias:
            nn.init.zeros_(self.out.bias)

    def recur(self, p, memory, marks):
        (q, k, v), n, position = self.turned(p, memory.position, marks)
        if q.shape[1] == 0:
            return q, memory
        blocks = cut(n, self.window)
        asks = blocks.queries(q).unflatten(3, (self.kv_heads, -1)) * self.key_size**-0.5
        scores = torch.einsum("bncgrk,bngks->bngrcs", asks, blocks.keys(memory.k, k))
        read = torch.einsum("bngrcs,bngvs->bncgrv", blocks.weights(scores), blocks.keys(memory.v, v))
        return blocks.together(read.flatten(3, 4)), memory.then(k, v, position, marks)
