import torch
from jaxtyping import Float
from torch import Tensor, nn

from reprise.bases.matrix_memory import MatrixMemory
from reprise.layers.memory.learning._reading import unroll_reads

__all__ = ["SRWM"]


class SRWM(MatrixMemory):
    """A self-referential weight matrix: in every head one matrix that says how it is itself to be changed, all of it.

        (y, q, k, b) = W_{t-1} x_t;   q, k <- softmax(q), softmax(k);   b <- sigmoid(b), one for the rows of each part
        W_t = W_{t-1} + b (W_{t-1} q - W_{t-1} k) k';   y_t = O y

    Shapes   x (B T D) -> y (B T D);  memory W (B H 3K+4 K), K = D / H
    Cost     2 T D^2 + 8 T D (3 K + 4) work, T depth
    Source   Irie et al. 2022, arXiv:2202.05780, sec. 3; IDSIA/modern-srwm, SRWMlayer   (irie2022modern)
    Differs  x_t without a softmax, as the authors' code has it unless told; the skip around it, its norm and dropout
        are left to the block; the state is W, not what W differs by from W_0
    """

    undecayed_parameters = ("W_0",)

    def __init__(self, width: int, heads: int | None = None):
        super().__init__(width, heads)
        H, K, _ = self.memory_shape
        self.memory_shape = H, 3 * K + 4, K
        self.W_0 = nn.Parameter(torch.empty(self.memory_shape))
        self.out = nn.Linear(width, width, bias=False)
        nn.init.normal_(self.W_0, std=K**-0.5)
        with torch.no_grad():
            self.W_0[:, 3 * K :] -= 1.0

    def initial_memory(self, batch):
        W = self.W_0
        return W.to(torch.promote_types(W.dtype, self.memory_precision)).expand(batch, -1, -1, -1).clone()

    def project(self, x):
        return self.by_head(x)

    def recur(self, p, memory, marks):
        p = p.to(memory.dtype)
        blank = torch.zeros_like(memory[:, :, 0])
        return unroll_reads(self.advance, p, memory, marks, start=self.initial_memory(1), blank=blank)

    def advance(
        self, x: Float[Tensor, "B H K"], W: Float[Tensor, "B H R K"]
    ) -> tuple[Float[Tensor, "B H K"], Float[Tensor, "B H R K"]]:
        K = x.shape[-1]
        y, q, k, b = (W @ x[..., None])[..., 0].split((K, K, K, 4), -1)
        asked = torch.softmax(torch.stack([q, k], -1), -2)  # B H K 2: columns q and k
        new, old = (W @ asked).unbind(-1)
        rate = torch.sigmoid(b)
        rates = torch.cat([rate[..., :3].repeat_interleave(K, -1), rate[..., 3:].expand(*rate.shape[:-1], 4)], -1)
        return y, W + (rates * (new - old))[..., None] * asked[..., None, :, 1]

    def readout(self, read, x):
        return self.out(read.flatten(2))
