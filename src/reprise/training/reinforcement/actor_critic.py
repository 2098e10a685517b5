"""Actor and critic that share a recurrent memory: learning to act where what is seen is not all there is."""
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from reprise.bases.cell import Cell
from reprise.core.errors import InputError, check_counts
from reprise.core.layer import SequenceLayer
from reprise.training.gradients import RealTime
from reprise.training.through_time.truncation import Losses, through_time

__all__ = [
    "ActorCritic", "Environment", "InRealTime", "Learner", "Play", "Rule", "Steps", "Truncated", "act", "cost",
    "learn_to_act", "returns",
]


@runtime_checkable
class Environment(Protocol):
    """Many decision processes at once; where one is over, what is seen is the first of its next episode."""

    batch: int
    actions: int
    observed: int

    def reset(self) -> Float[Tensor, "B E"]: ...

    def step(self, actions: Int[Tensor, "B"]) -> Any:
        """A tuple with `observation` (B E), `reward` (B), `done` (B) and `solved` (B)."""


class ActorCritic(nn.Module):
    """A memory, a policy read from it, and the value that the policy is expected to earn.

    What is seen is written to the first numbers of the memory's input; the rest are 0, so that all that is learned
    below the memory is inside of it, where real-time recurrent learning reaches it.
    """

    def __init__(self, memory: SequenceLayer, observed: int, actions: int):
        super().__init__()
        if observed > memory.width:
            raise InputError(f"ActorCritic: expected a memory at least as wide as the {observed} numbers observed, "
                             f"got width={memory.width}")
        self.memory = memory
        self.policy, self.value = nn.Linear(memory.width, actions), nn.Linear(memory.width, 1)

    def widen(self, observation: Float[Tensor, "... E"]) -> Float[Tensor, "... D"]:
        return F.pad(observation, (0, self.memory.width - observation.shape[-1]))


@runtime_checkable
class Learner(Protocol):
    """How the gradient gets to what the memory should have kept. `state`: the memory's, before the next step."""

    state: Any

    def learn(self, x: Float[Tensor, "B T D"], resets: Bool[Tensor, "B T"], loss: Losses) -> None:
        """Adds up the gradients of these steps, and moves `state` past them."""


class Truncated:
    """Backpropagation through the steps since the last update, and no further."""

    def __init__(self, memory: SequenceLayer, batch: int):
        self.memory, self.state = memory, memory.initial_state(batch)

    def learn(self, x, resets, loss):
        _, self.state = through_time(self.memory, x, loss, self.state, resets=resets)


class InRealTime:
    """Real-time recurrent learning: back to the start of every episode, whenever the updates are.

    What is owed was added up under the weights of its time, which updates have moved since.
    """

    def __init__(self, memory: Cell, batch: int):
        self.online = RealTime(memory)
        self.carried = self.online.start(batch)

    @property
    def state(self):
        return self.online.state(self.carried)

    def learn(self, x, resets, loss):
        _, self.carried = self.online.sequence(x, loss, self.carried, resets=resets)


@dataclass(frozen=True)
class Rule:
    """What is made small, for R_t the rewards up to the update, discounted, and the value expected after them:

        - log pi(a_t) (R_t - v_t) + value (R_t - v_t)^2 / 2 - entropy H(pi),   the mean over steps and rows

    Source  Mnih et al. 2016, arXiv:1602.01783, the loss of A3C, for all rows at once   (mnih2016asynchronous)
    """

    discount: float = 0.98
    entropy: float = 0.01
    value: float = 0.5
    every: int = 10  # steps from one update to the next
    clip: float = 0.5  # the largest norm of the gradient

    def __post_init__(self) -> None:
        check_counts("Rule", every=self.every)
        if not (0 <= self.discount <= 1 and self.entropy >= 0 and self.value >= 0 and self.clip > 0):
            raise InputError(f"Rule: expected a discount from 0 to 1, entropy and value of 0 or more and clip above 0, "
                             f"got {self}")


class Play(NamedTuple):
    """What the steps of one update were."""

    reward: float  # the mean of a step
    episodes: int  # that ended
    solved: int  # of those


class Steps(NamedTuple):
    """What was seen, done and earned between two updates."""

    x: Float[Tensor, "B T D"]
    resets: Bool[Tensor, "B T"]
    actions: Int[Tensor, "B T"]
    rewards: Float[Tensor, "B T"]
    done: Bool[Tensor, "B T"]
    solved: Bool[Tensor, "B T"]
    after: Float[Tensor, "B"]  # the value expected after the last


def learn_to_act(
    agent: ActorCritic, environment: Environment, learner: Learner, optimiser: torch.optim.Optimizer,
    rule: Rule | None = None, *, generator: torch.Generator,
) -> Iterator[Play]:
    """Acts for `rule.every` steps, learns from them, yields what they were, and so on without end.

    Source  Mnih et al. 2016, arXiv:1602.01783; with real-time recurrent learning Irie et al. 2023, arXiv:2305.19044
            (irie2023exploring)
    Differs one process, whose policy is the one that learns: so no correction for a policy of before (V-trace)

    >>> maze = TMaze(batch=16)
    >>> agent = ActorCritic(create_layer("elementwise_lstm", 32), maze.observed, maze.actions)
    >>> plays = learn_to_act(agent, maze, InRealTime(agent.memory, 16), torch.optim.Adam(agent.parameters()),
    ...                      generator=torch.Generator().manual_seed(0))
    >>> solved = sum(play.solved for play, _ in zip(plays, range(100)))
    """
    rule = rule or Rule()
    seen, fresh = environment.reset(), torch.ones(environment.batch, dtype=torch.bool)
    while True:
        steps, seen, fresh = act(agent, environment, learner.state, seen, fresh, every=rule.every, generator=generator)
        targets = returns(steps, rule.discount)
        optimiser.zero_grad()
        learner.learn(steps.x, steps.resets, lambda y, first, s=steps, r=targets: cost(agent, y, first, s, r, rule))
        torch.nn.utils.clip_grad_norm_(agent.parameters(), rule.clip)
        optimiser.step()
        yield Play(steps.rewards.mean().item(), int(steps.done.sum()), int(steps.solved.sum()))


@torch.no_grad()
def act(
    agent: ActorCritic, environment: Environment, state: Any, seen: Float[Tensor, "B E"], fresh: Bool[Tensor, "B"], *,
    every: int, generator: torch.Generator,
) -> tuple[Steps, Float[Tensor, "B E"], Bool[Tensor, "B"]]:
    """Steps that the policy takes from a state and what is seen; then what is seen next, and which rows are fresh.

    The agent, the environment and the generator may be on devices of their own; the steps are on the agent's.
    """
    taken, device = [], agent.value.weight.device
    for _ in range(every):
        x, fresh = agent.widen(seen.to(device)), fresh.to(device)
        y, state = agent.memory(x[:, None], state, resets=fresh[:, None])
        chances = agent.policy(y[:, 0]).softmax(-1)
        action = torch.multinomial(chances.to(generator.device), 1, generator=generator)[:, 0]
        seen, reward, done, solved = environment.step(action.to(seen.device))
        taken.append([part.to(device) for part in (x, fresh, action, reward, done, solved)])
        fresh = done
    y, _ = agent.memory(agent.widen(seen.to(device))[:, None], state)
    after = agent.value(y[:, 0])[:, 0]
    return Steps(*(torch.stack(part, 1) for part in zip(*taken, strict=True)), after), seen, fresh


def returns(steps: Steps, discount: float) -> Float[Tensor, "B T"]:
    """R_t = r_t + discount R_{t+1}, which is 0 past the end of an episode, and past the last step what is expected."""
    ahead, found = steps.after, []
    for reward, done in zip(reversed(steps.rewards.unbind(1)), reversed(steps.done.unbind(1)), strict=True):
        ahead = reward + discount * ahead * ~done
        found.append(ahead)
    return torch.stack(found[::-1], 1)


def cost(
    agent: ActorCritic, y: Float[Tensor, "B n D"], first: int, steps: Steps, targets: Float[Tensor, "B T"], rule: Rule
) -> Tensor:
    """What `Rule` makes small, of the steps from `first` on, as a share of the mean over all."""
    here = slice(first, first + y.shape[1])
    log_pi, value = agent.policy(y).log_softmax(-1), agent.value(y)[..., 0]
    better = targets[:, here] - value
    chosen = log_pi.gather(-1, steps.actions[:, here, None])[..., 0]
    entropy = -(log_pi.exp() * log_pi).sum(-1)
    costs = -chosen * better.detach() + 0.5 * rule.value * better.square() - rule.entropy * entropy
    return costs.sum() / targets.numel()
