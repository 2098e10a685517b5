"""Trees that are found: against a plain form, one place at a time, and where what must come out is known."""
import pytest
import torch
from torch.nn.functional import gelu

from reprise.core.errors import InputError
from reprise.layers.structure._neighbours import neighbours
from reprise.layers.structure.crvnn import CRvNN

SURE = 60.0  # a score that leaves no doubt


def build(**options):
    torch.manual_seed(0)
    return CRvNN(4, features=3, **options).double()


def walk(e, place, way):
    """Whom one meets on the way from a place, and how much of each, until it comes to one."""
    met, left = [0.0] * len(e), 1.0
    place += way
    while 0 <= place < len(e) and left > 0:
        met[place] = min(float(e[place]), left)
        left, place = left - met[place], place + way
    return torch.tensor(met, dtype=torch.float64)


def test_neighbours_are_whom_one_meets():
    e = torch.rand(3, 7, dtype=torch.float64)
    e[:, [0, -1]], e[1, 2:4], e[2] = 1, 0, 1
    left, right = neighbours(e)
    for row in range(3):
        for place in range(7):
            torch.testing.assert_close(left[row, place], walk(e[row], place, -1))
            torch.testing.assert_close(right[row, place], walk(e[row], place, 1))


@torch.no_grad()
def plain(net, x):
    """One row, place by place; returns its vector and its penalty."""
    n = len(x)
    h = [net.cell.leaf(v) for v in (net.start, *x, net.end)]
    e, came, steps = [1.0] * (n + 2), [torch.zeros(1).double()] * (n + 2), 0
    while steps < n - 1 and sum(float(v) > net.threshold for v in e[1:-1]) > 1:
        steps += 1
        left, right = ([walk(e, place, way) for place in range(n + 2)] for way in (-1, 1))
        beside = [[sum(w * v for w, v in zip(weights, h, strict=True)) for weights in side] for side in (left, right)]
        scores = []
        for i in range(n + 2):
            second = [sum(w * v for w, v in zip(weights[i], mine, strict=True))
                      for weights, mine in zip((left, right), beside, strict=True)]
            feature = came[i] * net.merged + (1 - came[i]) * net.unmerged
            seen = torch.cat([second[0], beside[0][i], h[i], beside[1][i], second[1], feature])
            scores.append(net.score(gelu(net.look(seen))).exp() if 0 < i < n else torch.zeros(1).double())
        p = [s / (s + 1 + (sum(w * v for side in (left, right) for w, v in zip(side[i], scores, strict=True))
                           if net.modulated else 0)) for i, s in enumerate(scores)]
        came = [sum(w * v for w, v in zip(weights, p, strict=True)) if 0 < i <= n else torch.zeros(1).double()
                for i, weights in enumerate(left)]
        h = [c * net.cell(v, mine) + (1 - c) * mine for c, v, mine in zip(came, beside[0], h, strict=True)]
        e = [mine * (1 - float(q)) for mine, q in zip(e, p, strict=True)]
    done = sum(v > net.threshold for v in e[1:-1]) <= 1
    penalty = 0.0 if done else -net.halting * torch.tensor(e[n] / sum(e[1:-1])).log().item()
    return h[n], penalty


@pytest.mark.parametrize("modulated", [True, False])
@pytest.mark.parametrize("sure", [0.0, 3.0])
def test_plain_form(modulated, sure):
    net, x = build(modulated=modulated), torch.randn(4, 6, 4).double()
    with torch.no_grad():
        net.score.bias += sure
    lengths = torch.tensor([6, 4, 2, 1])
    y, penalty = net(x, lengths)
    for row, length in enumerate(lengths.tolist()):
        want, cost = plain(net, x[row, :length])
        torch.testing.assert_close(y[row].detach(), want)
        assert penalty[row].item() == pytest.approx(cost, abs=1e-9)


def test_two_that_surely_merge_are_one_node():
    net, x = build(), torch.randn(2, 2, 4).double()
    with torch.no_grad():
        net.score.bias += SURE
    y, penalty = net(x)
    leaves = net.cell.leaf(x)
    torch.testing.assert_close(y, net.cell(leaves[:, 0], leaves[:, 1]))
    assert not penalty.any()


def test_neighbours_compete_where_they_are_modulated():
    """All want to merge: without modulation all do, and what was first is lost; with it one in three does at first."""
    x = torch.randn(1, 5, 4).double()
    free, modulated = build(modulated=False), build()
    for net in (free, modulated):
        with torch.no_grad():
            net.score.bias += SURE
    leaves = free.cell.leaf(x)
    torch.testing.assert_close(free(x).y, free.cell(leaves[:, 3], leaves[:, 4]))
    changed = x.clone()
    changed[:, 0] += 1
    torch.testing.assert_close(free(changed).y, free(x).y)
    assert not torch.allclose(modulated(changed).y, modulated(x).y)


def test_nothing_merges_and_that_is_penalised():
    net, x = build(), torch.randn(1, 5, 4).double()
    with torch.no_grad():
        net.score.bias -= SURE
    y, penalty = net(x)
    torch.testing.assert_close(y, net.cell.leaf(x)[:, -1])
    assert penalty.item() == pytest.approx(0.01 * torch.tensor(5.0).log().item())
    assert not net(x[:, :1]).penalty.any()  # one is one


def test_options_that_do_not_fit():
    with pytest.raises(InputError, match="expected a threshold between 0 and 1"):
        CRvNN(4, threshold=1.0)
    with pytest.raises(InputError, match="expected hidden of 1 or more"):
        CRvNN(4, hidden=0)
