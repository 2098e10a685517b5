"""The T-maze: against one maze walked by hand, and what it must never tell."""
import pytest
import torch

from reprise.core.errors import InputError
from reprise.data.t_maze import AHEAD, BACK, LEFT, RIGHT, TMaze


def by_hand(maze, actions):
    """Rewards and ends of the first row, by the rules one after the other."""
    at, steps, sign = 0, 0, LEFT if maze.place.sign[0] == LEFT else RIGHT
    for action in actions:
        steps, cost, done, solved = steps + 1, 0.0, False, False
        if action in (LEFT, RIGHT):
            if at == maze.corridor:
                done, solved = True, action == sign
                cost += not solved
            else:
                cost += 1
        elif action == AHEAD:
            cost, at = cost + (at == maze.corridor), min(at + 1, maze.corridor)
        else:
            cost, at = cost + (at == 0), max(at - 1, 0)
        cost += maze.hurry and at < min(steps, maze.corridor)
        done = done or steps == 4 * maze.corridor
        yield maze.reward * solved - 0.1 * cost, done, solved
        if done:
            return


@pytest.mark.parametrize("hurry", [False, True])
def test_rewards_and_ends_are_those_by_hand(hurry):
    generator = torch.Generator().manual_seed(0)
    ends = set()
    for seed in range(40):
        maze = TMaze(1, corridor=3, hurry=hurry, seed=seed)
        maze.reset()
        chances = torch.tensor([0.6, 0.2, 0.1, 0.1])
        actions = torch.multinomial(chances, 12, replacement=True, generator=generator).tolist()
        for action, want in zip(actions, list(by_hand(maze, actions)), strict=False):
            turn = maze.step(torch.tensor([action]))
            assert (round(turn.reward.item(), 5), turn.done.item(), turn.solved.item()) == (
                round(float(want[0]), 5), want[1], want[2])
        ends.add((bool(turn.done), bool(turn.solved)))
    assert ends == {(True, True), (True, False)}


def test_the_straight_way_costs_nothing_and_begins_again():
    maze = TMaze(64, corridor=5, seed=1)
    seen = maze.reset()
    for _ in range(3):
        sign = torch.where(seen[:, 0] == 1, RIGHT, LEFT)
        assert ((seen[:, 0] + seen[:, 2] == 1) & (seen[:, 1] == 1)).all(), "a start shows one side"
        for t in range(5):
            turn = maze.step(torch.full((64,), AHEAD))
            assert not turn.reward.any() and not turn.done.any()
            assert (turn.observation[:, 1] == float(t == 4)).all()
        assert torch.equal(turn.observation, torch.tensor([0.0, 1.0, 0.0]).expand(64, 3)), "junctions are alike"
        turn = maze.step(sign)
        assert turn.done.all() and turn.solved.all() and (turn.reward == 4).all()
        seen = turn.observation


def test_on_the_way_nothing_tells_the_sign():
    maze = TMaze(4000, corridor=2, seed=2)
    maze.reset()
    seen = maze.step(torch.zeros(4000, dtype=torch.long)).observation
    told = torch.corrcoef(torch.stack([seen[:, 0], seen[:, 2], (maze.place.sign == LEFT).float()]))[2, :2]
    assert told.abs().max() < 0.05
    plain = TMaze(8, corridor=2, noise=False)
    plain.reset()
    assert torch.equal(plain.step(torch.zeros(8, dtype=torch.long)).observation, torch.tensor([[1.0, 0.0, 1.0]] * 8))


def test_rows_are_apart_and_seeds_repeat():
    a, b = TMaze(5, seed=3), TMaze(5, seed=3)
    assert torch.equal(a.reset(), b.reset())
    a.step(torch.tensor([AHEAD, BACK, AHEAD, LEFT, AHEAD]))
    assert a.place.at.tolist() == [1, 0, 1, 0, 1]


def test_misfits_are_refused():
    with pytest.raises(InputError, match="corridor of 1 or more"):
        TMaze(2, corridor=0)
    maze = TMaze(2)
    for wrong in (torch.tensor([0, 4]), torch.tensor([0])):
        with pytest.raises(InputError, match="expected 2 actions from 0 to 3"):
            maze.step(wrong)
