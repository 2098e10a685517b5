import torch
from torch import nn
from torch.nn.functional import rms_norm, silu

from reprise.bases.matrix_memory import MatrixMemory
from reprise.core.errors import check_counts
from reprise.layers.convolution.short_convolution import ShortConvolution
from reprise.layers.memory._delta import unit
from reprise.layers.memory.learning._chunked import learn_in_chunks
from reprise.layers.memory.learning._network import Lesson, ask, first_rates, first_weights, fresh, learn, read_rates
from reprise.layers.memory.learning._reading import unroll_reads

__all__ = ["TitansMemory"]


class TitansMemory(MatrixMemory):
    """Titans' neural memory by itself: in every head a network that is taught each value by its key, while it reads.

        q, k, v = silu(conv(W x));   q, k <- q / |q|, k / |k|;   theta, eta, alpha = sigmoid(R x_t + c)
        g = grad |M'(k) - v|^2 / 2,  M': the network as it was when the chunk began, every C steps
        S_t = eta S_{t-1} - theta g;   M_t = (1 - alpha) M_{t-1} + S_t;   y_t = O (norm(M_t(q)) silu(G x_t))

    Shapes   x (B T D) -> y (B T D);  memory M, M', S (B H K 2K), (B H 2K K) each at depth 2, K = D / H, position (B)
    Cost     10 T D^2 + T D (40 K + 16 C) work at depth 2, T / C depth; T where sequences begin inside a row
    Source   Behrouz et al. 2025, arXiv:2501.00663, sec. 3.1 to 3.3   (behrouz2025titans)
    Differs  the paper names neither the activation between layers (here SiLU), nor where M_0 and c start, nor what
        keeps deep memories from exploding: here a gradient longer than 10 is cut; half the loss, which theta makes up
        for; in heads; without persistent memory, for a learned M_0 has read it
    """

    def __init__(
        self, width: int, heads: int | None = None, depth: int = 2, expand: int = 2, chunk: int = 16,
        kernel_size: int = 4,
    ):
        check_counts("TitansMemory", depth=depth, expand=expand, chunk=chunk, kernel_size=kernel_size)
        super().__init__(width, heads)
        H, K, _ = self.memory_shape
        self.chunk = chunk
        self.local = ShortConvolution(width, 3 * width, kernel_size, bias=False)
        self.rates = first_rates(width, H)
        self.first = first_weights(H, K, depth, expand)
        self.norm_scale = nn.Parameter(torch.ones(width))
        self.gate, self.out = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)

    def initial_memory(self, batch):
        return fresh(self.first, batch, self.memory_precision)

    def project(self, x, u):
        q, k, v = map(self.by_head, silu(u).chunk(3, -1))
        return unit(q), Lesson(unit(k), v, *read_rates(self.rates(x)))

    def recur(self, p, memory, marks):
        q, lesson = p
        precision = memory.now[0].dtype
        q, lesson = q.to(precision), Lesson(*(z.to(precision) for z in lesson))
        if marks.fresh is None and q.shape[1] > 1:
            return learn_in_chunks(memory, q, lesson, self.chunk, marks)
        blank = q.new_zeros(q.shape[0], *q.shape[2:])
        return unroll_reads(self.advance, (q, lesson), memory, marks, start=self.initial_memory(1), blank=blank)

    def advance(self, p, memory):
        q, lesson = p
        memory = learn(memory, lesson, self.chunk)
        return ask(memory.now, q), memory

    def readout(self, read, x, u):
        read = rms_norm(read, read.shape[-1:], eps=1e-5).flatten(2) * self.norm_scale
        return self.out(read * silu(self.gate(x)))
