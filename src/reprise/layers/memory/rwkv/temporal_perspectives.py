import torch
from torch import nn

from reprise.core.errors import check_counts
from reprise.layers.memory.rwkv._averaging import Averaging

__all__ = ["TemporalPerspectives"]

APART = 0.01  # how far mixing vectors start from each other: as copies, all would learn the same


class TemporalPerspectives(Averaging):
    """Temporal perspectives: one RWKV-4 run several times at once, each mixing the present and the past in its own way.

        z^p = rwkv4(x) with mu^p, p = 1 .. P, all else shared;   pi = softmax(W mean_p z^p);   y_t = sum_p pi_p z^p

    Shapes   x (B T D) -> y (B T D);  memory numerator, denominator, maximum (B P D), local: x_{t-1} (B 1 D)
    Cost     8 P T D^2 work, log T depth
    Source   Dumitru et al. 2024, arXiv:2402.02625, sec. 3; RazvanDu/TemporalRNNs   (dumitru2024enhancing)
    Differs  the paper keeps the streams apart through a whole pretrained model, channel mixing too, and combines their
        logits at its end; a layer combines them at its own. Mixing vectors start 0.01 apart, not as copies
    """

    def __init__(self, width: int, perspectives: int = 4):
        check_counts("TemporalPerspectives", width=width, perspectives=perspectives)
        super().__init__(width, (perspectives,))
        self.choice = nn.Linear(width, perspectives, bias=False)
        nn.init.normal_(self.choice.weight, std=0.01)

    @torch.no_grad()
    def _start_at(self, index, depth):
        super()._start_at(index, depth)
        self.mu.add_(APART * torch.randn_like(self.mu))

    def project(self, x, u):
        return super().project(x[:, :, None], u[:, :, None])

    def readout(self, read, x, u):
        r, o = read
        z = self.out(r * o)
        return (torch.softmax(self.choice(z.mean(2)), -1)[..., None, :] @ z)[..., 0, :]
