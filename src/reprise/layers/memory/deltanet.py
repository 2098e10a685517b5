from reprise.layers.memory._delta import Delta

__all__ = ["DeltaNet"]


class DeltaNet(Delta):
    """DeltaNet: what a key read so far is moved towards the new value, and nothing else is forgotten.

        q, k, v = silu(conv(W x));   q, k <- q / |q|, k / |k|;   beta = sigmoid(b(x))
        S_t = (I - beta k k') S_{t-1} + beta k v';   o_t = S_t' q / sqrt(K);   y_t = O (c norm(o_t))

    Shapes   x (B T D) -> y (B T D);  memory S (B H K V), K = D / H, V = expand K, local: the last three W x (B 3 2D+HV)
    Cost     4 (1 + expand) T D^2 + T D (8 C + 6 K) work, T / C depth
    Source   Yang et al. 2024, arXiv:2406.06484, sec. 2, 3; fla, delta_net   (yang2024parallelizing)
    Differs  1 / sqrt(K) is of the authors' code; but for a small epsilon the norm undoes it
    """

    def __init__(self, width: int, heads: int | None = None, kernel_size: int = 4, expand: int = 1):
        super().__init__(width, heads, kernel_size, expand)
