from reprise.layers.nonlinear.odyssey._block import LSTMBlock

__all__ = ["LSTMNFG"]


class LSTMNFG(LSTMBlock):
    """NFG: the LSTM with peepholes and no forget gate, a sum over all the past.

        i = sigmoid(W x_t + b + U h_{t-1} + p c_{t-1});   g = tanh(V x_t + d + Q h_{t-1});   c_t = c_{t-1} + i g
        o = sigmoid(W x_t + b + U h_{t-1} + p c_t);   h_t = o tanh(c_t);   y_t = h_t

    Shapes   x (B T D) -> y (B T D);  memory h, c (B D)
    Cost     12 T D^2 work, T depth
    Source   Greff et al. 2015, arXiv:1503.04069, its variant NFG   (greff2015lstm)
    Differs  none
    """

    sums = "igo"

    def input_and_forget(self, sums, c):
        return self.gate("i", sums, c), 1
