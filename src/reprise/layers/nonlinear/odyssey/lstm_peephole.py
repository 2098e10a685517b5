from reprise.layers.nonlinear.odyssey._block import LSTMBlock

__all__ = ["LSTMPeephole"]


class LSTMPeephole(LSTMBlock):
    """LSTM with peepholes: the gates see the cell, and the output gate the new one.

        i, f = sigmoid(W x_t + b + U h_{t-1} + p c_{t-1});   g = tanh(V x_t + d + Q h_{t-1})
        c_t = f c_{t-1} + i g;   o = sigmoid(W x_t + b + U h_{t-1} + p c_t);   h_t = o tanh(c_t);   y_t = h_t

    Shapes   x (B T D) -> y (B T D);  memory h, c (B D)
    Cost     16 T D^2 work, T depth
    Source   Greff et al. 2015, arXiv:1503.04069, sec. II, the vanilla LSTM   (greff2015lstm);
             peepholes are Gers & Schmidhuber 2000, doi:10.1109/IJCNN.2000.861302, sec. 3   (gers2000recurrent)
    Differs  none; all parameters start normal with deviation 0.1, as the paper's weights. Without
             peepholes it is `lstm_np`
    """
