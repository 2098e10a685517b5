from reprise.layers.memory.rwkv._averaging import Averaging

__all__ = ["RWKV4"]


class RWKV4(Averaging):
    """RWKV-4 time mixing: in every channel an average of all values, by their keys and by how long ago they were.

        r, k, v = W (mu x_t + (1 - mu) x_{t-1}), each with a W and a mu of its own;   w = exp(d)
        o_t = (sum_{i<t} e^{-(t-1-i) w + k_i} v_i + e^{u + k_t} v_t) / (sum_{i<t} e^{-(t-1-i) w + k_i} + e^{u + k_t})
        y_t = O (sigmoid(r) o_t)

    Shapes   x (B T D) -> y (B T D);  memory numerator, denominator, maximum (B D), local: x_{t-1} (B 1 D)
    Cost     8 T D^2 work, log T depth
    Source   Peng et al. 2023, arXiv:2305.13048, sec. 3.1, app. D; begun as BlinkDL/RWKV-LM, v4neo   (peng2023rwkv)
    Differs  only a stack starts it with zero matrices W of r and k, and O, as the official code does, for alone its
        output would be zero; the maximum begins at -inf, not at a large negative number
    """

    def __init__(self, width: int):
        super().__init__(width)

    def readout(self, read, x, u):
        r, o = read
        return self.out(r * o)
