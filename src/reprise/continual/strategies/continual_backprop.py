"""Continual backprop: units that are of little use begin anew, a few at a time, for as long as learning goes on."""
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from reprise.continual.strategy import Strategy, Update
from reprise.continual.units import Units, forget_moments, outgoing_size
from reprise.core.errors import InputError

__all__ = ["ContinualBackprop", "Track"]


class Track(NamedTuple):
    """What is known of a layer's units. Running means begin at zero: `correction` is for those of young units."""

    age: Int64[Tensor, "K"]  # updates since each was new
    utility: Float[Tensor, "K"]
    activity: Float[Tensor, "K"]
    due: float = 0.0  # replacements that have come up and not been made

    def correction(self, decay: float) -> Tensor:
        """What a running mean of each unit's age sums its weights to; 1 for a unit that has none."""
        return torch.where(self.age > 0, 1 - decay ** self.age.double(), 1.0).to(self.utility.dtype)


@dataclass(frozen=True, eq=False)
class ContinualBackprop(Strategy):
    """Selective reinitialisation after every update, for a layer of units with activities h:

        utility_i <- decay utility_i + (1 - decay) mean |h_i| mean_k |w_out,ki|
        due <- due + rate (number of units older than maturity);  of these the floor(due) least useful begin anew

    A unit begins anew with incoming weights as at the start, biases of zero, outgoing weights of zero, nothing in the
    optimiser's memory, and what it gave on average moved into the biases it fed: the function barely changes.

    units: of the model (`chain_units`, `recurrent_units`).   generator: what fresh weights are drawn with.
    adaptable: utility of |h_i - its running mean|, over the mean size of the weights that lead in.
    Source: Dohare et al. 2023, arXiv:2306.13812, sec. 5, alg. 1 (dohare2023loss)
    Differs: fresh weights are drawn among the matrix's own first entries, whatever those were drawn from; the count of
    steps in an optimiser is not per weight, so under Adam a fresh unit begins with larger steps; a recurrent state that
    is carried on keeps what the old unit left in it, which nothing reads until the new one has learned.
    """

    units: tuple[Units, ...]
    rate: float = 1e-4
    maturity: int = 100
    decay: float = 0.99
    adaptable: bool = False
    generator: torch.Generator | None = None
    tracks: tuple[Track, ...] = ()
    first: dict[str, Tensor] = field(default_factory=dict, repr=False)  # incoming weights as they were at the start

    def __post_init__(self) -> None:
        if not (0 <= self.rate <= 1 and self.maturity >= 0 and 0 <= self.decay < 1):
            raise InputError("ContinualBackprop: expected rate from 0 to 1, maturity >= 0 and decay from 0 to below 1, "
                             f"got rate={self.rate}, maturity={self.maturity}, decay={self.decay}")

    @property
    def watched(self) -> tuple[str, ...]:
        return tuple(layer.seen for layer in self.units)

    def begun(self, model, task):
        """Remembers the model's first weights; later tasks go on with what is known. To be asked before training."""
        if self.tracks:
            return self
        names = {name for layer in self.units for name in layer.incoming}
        first = {name: p.detach().clone() for name in names if (p := model.get_parameter(name)).ndim > 1}
        tracks = []
        for layer in self.units:
            zeros = model.get_parameter(layer.incoming[0]).new_zeros(layer.count).detach()
            tracks.append(Track(zeros.long(), zeros, zeros))
        return replace(self, tracks=tuple(tracks), first=first)

    @torch.no_grad()
    def updated(self, update):
        if not self.tracks:
            raise InputError("ContinualBackprop: the first weights are unknown; call begun(model, 0) before training")
        return replace(self, tracks=tuple(
            self._renewed(update, layer, self._judged(update, layer, track))
            for layer, track in zip(self.units, self.tracks, strict=True)))

    def _judged(self, update: Update, layer: Units, track: Track) -> Track:
        activity = update.seen[layer.seen].flatten(0, -2).to(track.activity)  # autocast gives less precision
        track = track._replace(age=track.age + 1, activity=torch.lerp(activity.mean(0), track.activity, self.decay))
        if self.adaptable:
            activity = activity - track.activity / track.correction(self.decay)
        useful = activity.abs().mean(0) * outgoing_size(update.model, layer)
        if self.adaptable:
            into = [layer.rows(update.model.get_parameter(name)).abs().flatten(2).mean((0, 2))
                    for name in layer.incoming if name in self.first]
            useful = useful / torch.stack(into).mean(0).clamp_min(1e-12)
        return track._replace(utility=torch.lerp(useful, track.utility, self.decay))

    def _renewed(self, update: Update, layer: Units, track: Track) -> Track:
        old = (track.age > self.maturity).nonzero()[:, 0]
        due = track.due + self.rate * len(old)
        count = min(int(due), len(old))
        if not count:
            return track._replace(due=due)
        correction = track.correction(self.decay)
        least = torch.topk((track.utility / correction)[old], count, largest=False).indices
        chosen = old[least]
        mean = (track.activity / correction)[chosen]
        self._begin_anew(update, layer, chosen, mean)
        age, utility, activity = (part.index_fill(0, chosen, 0) for part in track[:3])
        return Track(age, utility, activity, due - count)

    def _begin_anew(self, update: Update, layer: Units, chosen: Tensor, mean: Tensor) -> None:
        model = update.model
        for weight, bias in layer.outgoing:  # before rows are drawn: what a recurrent unit gave was by its old columns
            if bias:
                model.get_parameter(bias).add_(model.get_parameter(weight)[:, chosen] @ mean)
        for name in layer.incoming:
            parameter = model.get_parameter(name)
            layer.rows(parameter)[:, chosen] = self._fresh(name, layer.rows(parameter)[:, chosen])
            forget_moments(update.optimiser, parameter, chosen, layer, incoming=True)
        for weight, _ in layer.outgoing:
            parameter: nn.Parameter = model.get_parameter(weight)
            parameter[:, chosen] = 0
            forget_moments(update.optimiser, parameter, chosen, layer, incoming=False)

    def _fresh(self, name: str, like: Tensor) -> Tensor:
        if name not in self.first:
            return torch.zeros_like(like)
        first = self.first[name].flatten()
        drawn = torch.randint(len(first), like.shape, generator=self.generator, device=like.device)
        return first[drawn]
