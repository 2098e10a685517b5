from reprise.layers.nonlinear.odyssey._block import LSTMBlock

__all__ = ["LSTMNOAF"]


class LSTMNOAF(LSTMBlock):
    """NOAF: the LSTM with peepholes whose cell is read as it is (no output activation function).

        i, f = sigmoid(W x_t + b + U h_{t-1} + p c_{t-1});   g = tanh(V x_t + d + Q h_{t-1})
        c_t = f c_{t-1} + i g;   o = sigmoid(W x_t + b + U h_{t-1} + p c_t);   h_t = o c_t;   y_t = h_t

    Shapes   x (B T D) -> y (B T D);  memory h, c (B D)
    Cost     16 T D^2 work, T depth
    Source   Greff et al. 2015, arXiv:1503.04069, its variant NOAF   (greff2015lstm)
    Differs  none
    """

    def squash_cell(self, c):
        return c
