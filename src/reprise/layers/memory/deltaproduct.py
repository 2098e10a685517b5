from reprise.layers.memory._delta import Delta

__all__ = ["DeltaProduct"]


class DeltaProduct(Delta):
    """DeltaProduct: several corrections a step, whose product can turn the memory as no single reflection can.

        q, k_j, v_j = silu(conv(W x));   q, k_j <- q / |q|, k_j / |k_j|;   beta_j = 2 sigmoid(b_j(x));   j = 1 .. n
        S <- (I - beta_j k_j k_j') S + beta_j k_j v_j', n times a step
        o_t = S_t' q / sqrt(K);   y_t = O (c norm(o_t))

    Shapes   x (B T D) -> y (B T D);  memory S (B H K V), K = D / H, V = expand K, local: the last three W x
        (B 3 D+n(D+HV))
    Cost     2 (1 + n) (1 + expand) T D^2 + n T D (8 C + 6 K) work, n T / C depth
    Source   Siems et al. 2025, arXiv:2502.10297; fla, gated_deltaproduct   (siems2025deltaproduct)
    Differs  1 / sqrt(K) is of the authors' code; but for a small epsilon the norm undoes it; no forget gate, which
        makes it Gated DeltaProduct, nor the gate of the output that their code has by default
    """

    largest = 2.0

    def __init__(
        self, width: int, heads: int | None = None, kernel_size: int = 4, expand: int = 1, householders: int = 2
    ):
        super().__init__(width, heads, kernel_size, expand, householders)
