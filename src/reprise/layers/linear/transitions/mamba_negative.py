import torch

from reprise.layers.linear._selective import Selective
from reprise.layers.linear._wide import wide
from reprise.ops.linear_scan import linear_scan

__all__ = ["MambaNegative"]


class MambaNegative(Selective):
    """Mamba with eigenvalues from -1 to 1: what the input moves fast changes its sign instead of being forgotten.

        u = silu(conv(W x));   dt = softplus(R Q u + c)
        h_t = (2 exp(dt A) - 1) h_{t-1} + dt B(u) u;   A = -exp(log_A)
        y_t = O ((C(u) h_t + D u) silu(Z x_t))

    Shapes   x (B T D) -> y (B T D);  memory h (B E N), local: the last three W x (B 3 E)
    Cost     T E (6 D + 4 R + 13 N) work, R the rank of dt, log T depth; it holds B T E N numbers
    Source   Grazzi et al. 2024, arXiv:2411.12537, sec. 4.2; Gu & Dao 2023, arXiv:2312.00752   (grazzi2024unlocking)
    Differs  the authors' language model starts O smaller in deeper stacks; a layer alone has no depth
    """

    def recur(self, p, h, marks):
        u, dt, B, C = (z.to(h.dtype) for z in p)
        a = 2 * torch.exp(-dt[..., None] * wide(self.log_A).exp()) - 1
        every, h = linear_scan(a, (dt * u)[..., None] * B[:, :, None], h, marks)
        return (every * C[:, :, None]).sum(-1) + self.D * p.u, h
