from reprise.layers.memory._delta import Delta

__all__ = ["DeltaNetNegative"]


class DeltaNetNegative(Delta):
    """DeltaNet with eigenvalues from -1 to 1: at beta = 2 a step is a reflection, so that two of them undo each other.

        q, k, v = silu(conv(W x));   q, k <- q / |q|, k / |k|;   beta = 2 sigmoid(b(x))
        S_t = (I - beta k k') S_{t-1} + beta k v';   o_t = S_t' q / sqrt(K);   y_t = O (c norm(o_t))

    Shapes   x (B T D) -> y (B T D);  memory S (B H K V), K = D / H, V = expand K, local: the last three W x (B 3 2D+HV)
    Cost     4 (1 + expand) T D^2 + T D (8 C + 6 K) work, T / C depth
    Source   Grazzi et al. 2024, arXiv:2411.12537, sec. 4.2; Yang et al. 2024, arXiv:2406.06484   (grazzi2024unlocking)
    Differs  1 / sqrt(K) is of DeltaNet's code; but for a small epsilon the norm undoes it
    """

    largest = 2.0

    def __init__(self, width: int, heads: int | None = None, kernel_size: int = 4, expand: int = 1):
        super().__init__(width, heads, kernel_size, expand)
