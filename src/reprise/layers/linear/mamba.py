from reprise.layers.linear._selective import Selective

__all__ = ["Mamba"]


class Mamba(Selective):
    """Mamba: a diagonal state space whose step size, input and output are chosen by the input.

        u = silu(conv(W x));   dt = softplus(R Q u + c);   h_t = exp(dt A) h_{t-1} + dt B(u) u;   A = -exp(log_A)
        y_t = O ((C(u) h_t + D u) silu(Z x_t))

    Shapes   x (B T D) -> y (B T D);  memory h (B E N), local: the last three W x (B 3 E)
    Cost     T E (6 D + 4 R + 11 N) work, R the rank of dt
    Source   Gu & Dao 2023, arXiv:2312.00752, alg. 2, sec. 3.4, 3.6; state-spaces/mamba   (gu2023mamba)
    Differs  the authors' language model starts O smaller in deeper stacks; a layer alone has no depth
    """
