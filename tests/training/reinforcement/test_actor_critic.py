"""Actor and critic: their arithmetic by hand, both learners alike where nothing is cut, and a maze that is learned."""
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from reprise.core.errors import InputError
from reprise.layers import create_layer
from reprise.training.reinforcement.actor_critic import (
    ActorCritic,
    InRealTime,
    Rule,
    Steps,
    Truncated,
    act,
    cost,
    learn_to_act,
    returns,
)


class Turn(NamedTuple):
    observation: Tensor
    reward: Tensor
    done: Tensor
    solved: Tensor


class Echo:
    """A bit is shown, then a blank; to act as the bit was is rewarded. An episode is two steps."""

    actions, observed = 2, 3

    def __init__(self, batch, seed=0):
        self.batch, self.generator, self.t = batch, torch.Generator().manual_seed(seed), 0

    def reset(self):
        self.t, self.bit = 0, torch.randint(2, (self.batch,), generator=self.generator)
        return torch.nn.functional.one_hot(self.bit, 3).float()

    def step(self, actions):
        over, solved = self.t == 1, (actions == self.bit) & (self.t == 1)
        blank = torch.tensor([0.0, 0.0, 1.0]).expand(self.batch, 3)
        self.t += 1
        seen = self.reset() if over else blank
        return Turn(seen, solved.float(), torch.full((self.batch,), over), solved)


def build(batch=8, width=8):
    torch.manual_seed(0)
    echo = Echo(batch)
    return ActorCritic(create_layer("elementwise_lstm", width), echo.observed, echo.actions), echo


def some_steps(agent, environment, every):
    fresh = torch.ones(environment.batch, dtype=torch.bool)
    state = agent.memory.initial_state(environment.batch)
    return act(agent, environment, state, environment.reset(), fresh, every=every,
               generator=torch.Generator().manual_seed(0))


def test_returns_are_discounted_sums_up_to_the_end_of_an_episode():
    rewards, done = torch.tensor([[1.0, 2.0, 3.0, 4.0]]), torch.tensor([[False, True, False, False]])
    steps = Steps(None, None, None, rewards, done, None, torch.tensor([10.0]))
    torch.testing.assert_close(returns(steps, 0.5), torch.tensor([[2.0, 2.0, 3 + 0.5 * (4 + 5.0), 4 + 5.0]]))


def test_steps_fit_together():
    agent, echo = build()
    steps, seen, fresh = some_steps(agent, echo, 5)
    assert steps.x.shape == (8, 5, 8) and not steps.x[..., 3:].any() and seen.shape == (8, 3)
    assert steps.resets.tolist() == [[True, False, True, False, True]] * 8
    assert steps.done.tolist() == [[False, True, False, True, False]] * 8 and not fresh.any()
    _, state = agent.memory(steps.x, resets=steps.resets)
    after, _ = agent.memory(agent.widen(seen)[:, None], state)
    torch.testing.assert_close(agent.value(after)[:, 0, 0], steps.after)


def test_cost_by_hand_and_in_parts():
    agent, echo = build()
    steps, _, _ = some_steps(agent, echo, 4)
    rule, targets = Rule(entropy=0.3, value=0.7), torch.randn(8, 4)
    y, _ = agent.memory(steps.x, resets=steps.resets)
    want = 0.0
    for b in range(8):
        for t in range(4):
            pi, v = agent.policy(y[b, t]).softmax(-1), agent.value(y[b, t])[0]
            gain = (targets[b, t] - v).detach()
            want += (-pi[steps.actions[b, t]].log() * gain + 0.35 * (targets[b, t] - v) ** 2
                     + 0.3 * (pi * pi.log()).sum()) / 32
    torch.testing.assert_close(cost(agent, y, 0, steps, targets, rule), want)
    parts = sum(cost(agent, y[:, t : t + 1], t, steps, targets, rule) for t in range(4))
    torch.testing.assert_close(parts, want)


def test_both_learners_agree_where_nothing_is_cut():
    agent, echo = build()
    steps, _, _ = some_steps(agent, echo, 6)
    targets, found = returns(steps, 0.9), []
    for learner in (Truncated(agent.memory, 8), InRealTime(agent.memory, 8)):
        agent.zero_grad()
        learner.learn(steps.x, steps.resets, lambda y, first: cost(agent, y, first, steps, targets, Rule()))
        found.append([p.grad.clone() for p in agent.parameters()] + [learner.state.memory])
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("kind", "every", "learned"), [
    (InRealTime, 1, True), (Truncated, 4, True), (Truncated, 1, False)])
def test_a_bit_is_remembered_where_the_gradient_reaches_it(kind, every, learned):
    """With an update at every step, only what is carried forward reaches the step before."""
    agent, echo = build(batch=16)
    with torch.no_grad():
        agent.memory.from_x.weight[:8].zero_()  # candidates: at first the memory is deaf
    rule = Rule(every=every, discount=0.0)
    plays = learn_to_act(agent, echo, kind(agent.memory, 16), torch.optim.Adam(agent.parameters(), 0.04), rule,
                         generator=torch.Generator().manual_seed(0))
    played = [play for play, _ in zip(plays, range(400 // every))][-60 // every :]
    share = sum(play.solved for play in played) / sum(play.episodes for play in played)
    assert (share > 0.9) == learned


def test_misfits_are_refused():
    with pytest.raises(InputError, match="at least as wide as the 9 numbers"):
        ActorCritic(create_layer("gru", 8), 9, 2)
    with pytest.raises(InputError, match="every of 1 or more"):
        Rule(every=0)
    with pytest.raises(InputError, match="discount from 0 to 1"):
        Rule(discount=1.1)
    with pytest.raises(InputError, match="RealTime: units of GRU see"):
        InRealTime(create_layer("gru", 8), 2)
