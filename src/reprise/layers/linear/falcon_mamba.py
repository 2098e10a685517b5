from torch.nn.functional import rms_norm

from reprise.layers.linear._selective import Selective

__all__ = ["FalconMamba"]


class FalconMamba(Selective):
    """Falcon Mamba: Mamba whose chosen step sizes, inputs and outputs have a fixed size, for stable training.

        u = silu(conv(W x));   r, B, C = norm(Q u), each by itself;   dt = softplus(R r + c);   A = -exp(log_A)
        h_t = exp(dt A) h_{t-1} + dt B u;   y_t = O ((C h_t + D u) silu(Z x_t))

    Shapes   x (B T D) -> y (B T D);  memory h (B E N), local: the last three W x (B 3 E)
    Cost     T E (6 D + 4 R + 11 N) work, R the rank of dt
    Source   Zuo et al. 2024, arXiv:2410.05355, sec. 3.1; transformers, FalconMambaMixer   (zuo2024falcon)
    Differs  none: norm is a root mean square without weights
    """

    def choose(self, u):
        return tuple(rms_norm(z, z.shape[-1:], eps=1e-6) for z in super().choose(u))
