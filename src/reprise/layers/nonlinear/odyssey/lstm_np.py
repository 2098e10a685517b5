import torch

from reprise.layers.nonlinear.odyssey._block import LSTMBlock

__all__ = ["LSTMNP"]


class LSTMNP(LSTMBlock):
    """NP: the LSTM with peepholes without its peepholes, no gate seeing the cell.

        i, f = sigmoid(W x_t + b + U h_{t-1});   g = tanh(V x_t + d + Q h_{t-1})
        c_t = f c_{t-1} + i g;   o = sigmoid(W x_t + b + U h_{t-1});   h_t = o tanh(c_t);   y_t = h_t

    Shapes   x (B T D) -> y (B T D);  memory h, c (B D)
    Cost     16 T D^2 work, T depth
    Source   Greff et al. 2015, arXiv:1503.04069, its variant NP   (greff2015lstm)
    Differs  none; `lstm` has the same equations and starts otherwise
    """

    undecayed_parameters = ()

    def __init__(self, width: int):
        super().__init__(width)
        self.peepholes = None

    def gate(self, name, sums, c):
        return torch.sigmoid(sums[name])
