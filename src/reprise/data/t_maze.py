"""The T-maze: a sign at the start of a corridor says which way to turn at its end, and is never seen again."""
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from reprise.core.errors import InputError, check_counts

__all__ = ["TMaze", "Turn"]

AHEAD, BACK, LEFT, RIGHT = range(4)


class Turn(NamedTuple):
    """What one action led to; where an episode is over, the observation is the first of the next."""

    observation: Float[Tensor, "B 3"]
    reward: Float[Tensor, "B"]
    done: Bool[Tensor, "B"]
    solved: Bool[Tensor, "B"]  # over, by the right turn


@dataclass(frozen=True)
class Place:
    """Where every row is."""

    at: Int[Tensor, "B"]  # 0 is the start, `corridor` the junction
    sign: Int[Tensor, "B"]  # LEFT or RIGHT
    steps: Int[Tensor, "B"]


class TMaze:
    """Many T-mazes at once, each starting anew as soon as it is over: a decision process with a hidden state.

    Observations are three numbers: 0 1 1 or 1 1 0 at the start (turn left, turn right), a 0 b in the corridor, 0 1 0 at
    the junction; a and b are 1, or with `noise` anything from 0 to 1. Actions: ahead, back, left, right. To turn at the
    junction ends the episode, with `reward` if it was the right way and -0.1 if not; to run into a wall costs 0.1. So
    does, with `hurry`, every step that ends further back than an agent that always went ahead would be. After
    4 `corridor` steps an episode is over.

    Raises InputError for actions that are none.
    Source  Bakker 2001, NeurIPS 14   (bakker2001reinforcement); `hurry`, which leaves the sign as all that is
            hard: Ni et al. 2023, arXiv:2307.03864, Passive T-Maze   (ni2023transformers)
    Differs the limit of steps; their penalty of hurry is 1 / corridor

    >>> maze = TMaze(batch=2, corridor=10, seed=0)
    >>> first = maze.reset()
    >>> observation, reward, done, solved = maze.step(torch.tensor([0, 0]))
    """

    actions, observed = 4, 3

    def __init__(self, batch: int, corridor: int = 10, *, reward: float = 4.0, noise: bool = True, hurry: bool = True,
                 seed: int = 0):
        check_counts("TMaze", batch=batch, corridor=corridor)
        self.batch, self.corridor, self.reward, self.noise, self.hurry = batch, corridor, reward, noise, hurry
        self.generator = torch.Generator().manual_seed(seed)
        self.place = self._starts()

    def reset(self) -> Float[Tensor, "B 3"]:
        """Every row begins a new episode; returns what is seen there."""
        self.place = self._starts()
        return self._seen()

    def step(self, actions: Int[Tensor, "B"]) -> Turn:
        if actions.shape != (self.batch,) or not ((actions >= 0) & (actions < self.actions)).all():
            raise InputError(f"TMaze: expected {self.batch} actions from 0 to {self.actions - 1}, "
                             f"got {actions.tolist()}")
        here, turning = self.place, actions >= LEFT
        at_junction = here.at == self.corridor
        moved = here.at + (actions == AHEAD).long() - (actions == BACK).long()
        at = moved.clamp(0, self.corridor)
        chosen = turning & at_junction
        solved = chosen & (actions == here.sign)
        steps = here.steps + 1
        bumped = (turning & ~at_junction) | (moved != at)
        late = (at < steps.clamp(max=self.corridor)) & self.hurry
        costs = bumped.float() + late.float() + (chosen & ~solved).float()
        done = chosen | (steps >= 4 * self.corridor)
        fresh = self._starts()
        self.place = Place(torch.where(done, fresh.at, at), torch.where(done, fresh.sign, here.sign),
                           torch.where(done, fresh.steps, steps))
        return Turn(self._seen(), self.reward * solved.float() - 0.1 * costs, done, solved)

    def _starts(self) -> Place:
        zeros = torch.zeros(self.batch, dtype=torch.long)
        return Place(zeros, torch.randint(LEFT, RIGHT + 1, (self.batch,), generator=self.generator), zeros)

    def _seen(self) -> Float[Tensor, "B 3"]:
        start, junction = self.place.at == 0, self.place.at == self.corridor
        sides = torch.rand(self.batch, 2, generator=self.generator) if self.noise else torch.ones(self.batch, 2)
        first = torch.where(start, (self.place.sign == RIGHT).float(), torch.where(junction, 0.0, sides[:, 0]))
        last = torch.where(start, (self.place.sign == LEFT).float(), torch.where(junction, 0.0, sides[:, 1]))
        return torch.stack([first, (start | junction).float(), last], 1)
