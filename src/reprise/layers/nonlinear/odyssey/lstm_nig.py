from reprise.layers.nonlinear.odyssey._block import LSTMBlock

__all__ = ["LSTMNIG"]


class LSTMNIG(LSTMBlock):
    """NIG: the LSTM with peepholes and no input gate.

        f = sigmoid(W x_t + b + U h_{t-1} + p c_{t-1});   g = tanh(V x_t + d + Q h_{t-1});   c_t = f c_{t-1} + g
        o = sigmoid(W x_t + b + U h_{t-1} + p c_t);   h_t = o tanh(c_t);   y_t = h_t

    Shapes   x (B T D) -> y (B T D);  memory h, c (B D)
    Cost     12 T D^2 work, T depth
    Source   Greff et al. 2015, arXiv:1503.04069, its variant NIG   (greff2015lstm)
    Differs  none
    """

    sums = "fgo"

    def input_and_forget(self, sums, c):
        return 1, self.gate("f", sums, c)
