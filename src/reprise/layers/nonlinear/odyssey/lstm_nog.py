from reprise.layers.nonlinear.odyssey._block import LSTMBlock

__all__ = ["LSTMNOG"]


class LSTMNOG(LSTMBlock):
    """NOG: the LSTM with peepholes and no output gate.

        i, f = sigmoid(W x_t + b + U h_{t-1} + p c_{t-1});   g = tanh(V x_t + d + Q h_{t-1})
        c_t = f c_{t-1} + i g;   h_t = tanh(c_t);   y_t = h_t

    Shapes   x (B T D) -> y (B T D);  memory h, c (B D)
    Cost     12 T D^2 work, T depth
    Source   Greff et al. 2015, arXiv:1503.04069, its variant NOG   (greff2015lstm)
    Differs  none
    """

    sums = "ifg"

    def output(self, sums, c):
        return 1
