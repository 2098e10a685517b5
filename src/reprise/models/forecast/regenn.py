"""ReGENN: variables forecast together, mixed by a graph that begins as who occurs with whom, and is then learned."""
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from reprise.core.errors import InputError, check_counts
from reprise.layers import create_layer

__all__ = ["ReGENN", "SoftEvolution", "co_occurrence"]


def co_occurrence(x: Float[Tensor, "*B V"]) -> Float[Tensor, "V V"]:
    """A_ij: the sum of variable i over all steps where j is above zero; A_ii only for one that occurs with no other.

    Raises InputError for values below zero, with which "above zero" is not "there".
    """
    rows = x.flatten(0, -2)
    if not (rows >= 0).all():
        raise InputError(f"co_occurrence: expected values of 0 or more, got {rows.min().item():g}; scale by the "
                         "largest value, say, and do not subtract a mean")
    sums = rows.T @ (rows > 0).to(rows.dtype)
    others = sums - torch.diag(sums.diagonal())
    alone = (others == 0).all(0) & (others == 0).all(1)
    return others + torch.diag(sums.diagonal() * alone)


class SoftEvolution(nn.Module):
    """Mixes variables at every step, by weights that evolve from a graph A.

        E = A W + b;   C_ij = cos(E_i, E_j);   S = C * U + D;   y = relu(dropout(x S^T))

    U begins as 1 / V and D as the identity: at first a variable is itself, and a little of what is like it.
    Shapes   x (B T V), A (V V) -> y (B T V), E (V V)
    """

    def __init__(self, variables: int, dropout: float = 0.0):
        super().__init__()
        self.evolve, self.dropout = nn.Linear(variables, variables), nn.Dropout(dropout)
        self.scale = nn.Parameter(torch.full((variables, variables), 1 / variables))
        self.shift = nn.Parameter(torch.eye(variables))

    def forward(self, x: Float[Tensor, "B T V"], graph: Float[Tensor, "V V"]) -> tuple[Tensor, Tensor]:
        weights, evolved = self.weights(graph)
        return self.dropout(x @ weights.T).relu(), evolved

    def weights(self, graph: Float[Tensor, "V V"]) -> tuple[Float[Tensor, "V V"], Float[Tensor, "V V"]]:
        """S, and E."""
        evolved = self.evolve(graph)
        rows = F.normalize(evolved, dim=1)
        return rows @ rows.T * self.scale + self.shift, evolved


class ReGENN(nn.Module):
    """ReGENN: what variables have to do with each other, before and after a network that runs over both axes.

        h = linear map of time of evolution(x, A);   z = one encoder layer, in which variables attend to each other
        g = a recurrent layer over the variables, both ways, of z, a vector of time each
        q = g + a recurrent layer over the H steps of g;   y = relu(evolution(q, E) + linear map of time of x)

    A is the co-occurrence of the training data: `observe` it once, before training; E is the first graph, evolved, and
    no gradient flows into it. `evolution` = False leaves both out, for comparisons.
    layer: the name of any layer.   positive: the last relu, for series that are never below zero.
    Shapes   x (B L V) -> y (B H V)
    Source   Spadon et al. 2021, arXiv:2008.12833   (spadon2021pay)
    Differs  A is summed in a pass of its own, not during the first epoch, and divided by its largest entry; a linear
             map takes vectors of time from L to H before the recurrence over variables, whose layer has one width
    """

    def __init__(
        self, lookback: int, horizon: int, variables: int, layer: str = "gru", *, dropout: float = 0.1,
        evolution: bool = True, positive: bool = True,
    ):
        super().__init__()
        check_counts("ReGENN", lookback=lookback, horizon=horizon, variables=variables)
        if not 0 <= dropout < 1:
            raise InputError(f"ReGENN: expected a dropout from 0 to below 1, got {dropout}")
        self.lookback, self.variables, self.positive = lookback, variables, positive
        self.register_buffer("graph", torch.zeros(variables, variables))
        self.before = SoftEvolution(variables, dropout) if evolution else None
        self.after = SoftEvolution(variables, dropout) if evolution else None
        self.times = nn.Linear(lookback, lookback)
        self.attend = nn.TransformerEncoderLayer(lookback, 1, 4 * lookback, dropout, batch_first=True)
        self.shorten = nn.Linear(lookback, horizon)
        self.down, self.up, self.steps = (create_layer(layer, width) for width in (horizon, horizon, variables))
        self.ahead = nn.Linear(lookback, horizon)

    @torch.no_grad()
    def observe(self, x: Float[Tensor, "*B V"]) -> "ReGENN":
        """Adds what occurs together in x, any number of steps, to the graph; in place, and returned."""
        self.graph += co_occurrence(x).to(self.graph)
        return self

    def forward(self, x: Float[Tensor, "B L V"]) -> Float[Tensor, "B H V"]:
        """The next H values. Raises InputError for windows of other sizes, and before anything was observed."""
        if x.ndim != 3 or x.shape[1:] != (self.lookback, self.variables):
            raise InputError(f"ReGENN: expected windows of shape (B, {self.lookback}, {self.variables}), "
                             f"got {tuple(x.shape)}")
        h = x
        if self.before is not None:
            h, evolved = self.before(x, self._scaled())
        z = self.attend(self.times(h.mT))
        z = self.shorten(z)
        gated = self.down(z)[0] + self.up(z.flip(1))[0].flip(1)  # over variables
        gated = gated.mT
        y = gated + self.steps(gated)[0]
        if self.after is not None:
            y, _ = self.after(y, evolved.detach())
        y = y + self.ahead(x.mT).mT
        return y.relu() if self.positive else y

    def mixing(self) -> Float[Tensor, "V V"]:
        """S of the first evolution: how much each variable takes from each. Raises InputError where there is none."""
        if self.before is None:
            raise InputError("ReGENN.mixing: it was made without evolution; make it with evolution=True")
        return self.before.weights(self._scaled())[0].detach()

    def _scaled(self) -> Tensor:
        largest = self.graph.amax()
        if largest == 0:
            raise InputError("ReGENN: its graph is empty; call observe with the training data first")
        return self.graph / largest
