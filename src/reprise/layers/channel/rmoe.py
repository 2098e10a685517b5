from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import linear

from reprise.core.channel import ChannelMixer
from reprise.core.errors import InputError, check_counts
from reprise.layers.channel.glu import GLU
from reprise.layers.linear._wide import wide

__all__ = ["RMoE"]


class Routing(NamedTuple):
    """Where every step goes, and how much each expert's answer counts."""

    chance: Float[Tensor, "B T E"]  # softmax over all experts
    weight: Float[Tensor, "B T K"]
    expert: Int[Tensor, "B T K"]
    memory: Float[Tensor, "B T P"]  # what the router above begins with

    def balance(self) -> Float[Tensor, ""]:
        """E sum_e f_e P_e: 1 where all experts are used alike, up to E where one is; to be added to a loss."""
        E = self.chance.shape[-1]
        used = torch.zeros_like(self.chance).scatter(-1, self.expert, 1.0 / self.expert.shape[-1])
        return E * (used.flatten(0, -2).mean(0) * self.chance.flatten(0, -2).mean(0)).sum()


class RMoE(ChannelMixer):
    """RMoE: a mixture of experts whose router remembers, from layer to layer, how it routed the same step below.

        h^l_t = GRU(P x_t, h^{l-1}_t);   w = top-k of softmax(G h^l_t);   y_t = sum_k w_k GLU_k(x_t)

    Shapes   x (B T D) -> y (B T D);  h^l (B T P) goes up beside x; one GRU for the whole stack, P and G for each layer
    Cost     6 T D hidden chosen + 2 T (D P + 6 P^2) work
    Source   Qiu et al. 2024, arXiv:2408.06793, sec. 3   (qiu2024layerwise)
    Differs  the router is in float32, whatever the rest is in; the load is balanced by whoever trains, with
             `route(x).balance()`
    """

    excused: ClassVar = {
        "runs_where_its_parameters_are": "how many steps an expert is given depends on values, which meta has not",
        "everything_learns": "the router of the lowest layer remembers nothing, so what weighs its memory learns above",
    }

    def __init__(self, width: int, experts: int = 4, chosen: int = 2, hidden: int | None = None, router: int = 16):
        super().__init__()
        check_counts("RMoE", width=width, experts=experts, chosen=chosen, hidden=hidden, router=router)
        if chosen > experts:
            raise InputError(f"RMoE: {chosen} of {experts} experts cannot be chosen; try chosen={experts}")
        self.width, self.chosen = width, chosen
        self.project, self.choose = nn.Linear(width, router, bias=False), nn.Linear(router, experts, bias=False)
        self.memory: nn.GRUCell | None = nn.GRUCell(router, router)
        self.shared: tuple[nn.GRUCell, ...] = ()  # in a tuple, so that it counts once among a stack's parameters
        self.experts = nn.ModuleList(GLU(width, hidden) for _ in range(experts))

    def placed(self, below: Sequence[ChannelMixer]):
        owner = next((mixer for mixer in below if isinstance(mixer, RMoE)), None)
        if owner is not None:
            self.shared, self.memory = (owner.memory,), None

    def mix(self, x):
        return self._mixed(x, self.route(x))

    def mix_beside(self, x, beside):
        routing = self.route(x, beside.get("rmoe.memory"))
        return self._mixed(x, routing), {**beside, "rmoe.memory": routing.memory}

    def route(self, x: Float[Tensor, "B T D"], memory: Float[Tensor, "B T P"] | None = None) -> Routing:
        """Which experts see each step; `memory` is the router's below, nothing for the lowest."""
        (cell,) = self.shared or (self.memory,)
        with torch.autocast(x.device.type, enabled=False):
            r = linear(wide(x), wide(self.project.weight))
            h = torch.zeros_like(r) if memory is None else memory.to(r.dtype)
            gates = (wide(p) for p in (cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh))
            h = torch.gru_cell(r.flatten(0, -2), h.flatten(0, -2), *gates).view_as(r)
            chance = linear(h, wide(self.choose.weight)).softmax(-1)
        return Routing(chance, *chance.topk(self.chosen, -1), h)

    def _mixed(self, x: Float[Tensor, "B T D"], routing: Routing) -> Float[Tensor, "B T D"]:
        rows, y = x.flatten(0, -2), x.new_zeros(x.shape).flatten(0, -2)
        weight, expert = routing.weight.to(x.dtype).flatten(0, -2), routing.expert.flatten(0, -2)
        for e, mixer in enumerate(self.experts):
            row, place = (expert == e).nonzero(as_tuple=True)
            answer = mixer.mix(rows[row][None])[0]
            y = y.index_add(0, row, weight[row, place, None] * answer)
        return y.view_as(x)
