from reprise.layers.nonlinear.odyssey._block import LSTMBlock

__all__ = ["LSTMCIFG"]


class LSTMCIFG(LSTMBlock):
    """CIFG: the LSTM with peepholes that forgets as much as it lets in (coupled input and forget gate).

        i = sigmoid(W x_t + b + U h_{t-1} + p c_{t-1});   g = tanh(V x_t + d + Q h_{t-1})
        c_t = (1 - i) c_{t-1} + i g;   o = sigmoid(W x_t + b + U h_{t-1} + p c_t);   h_t = o tanh(c_t);   y_t = h_t

    Shapes   x (B T D) -> y (B T D);  memory h, c (B D)
    Cost     12 T D^2 work, T depth
    Source   Greff et al. 2015, arXiv:1503.04069, its variant CIFG   (greff2015lstm)
    Differs  none
    """

    sums = "igo"

    def input_and_forget(self, sums, c):
        i = self.gate("i", sums, c)
        return i, 1 - i
