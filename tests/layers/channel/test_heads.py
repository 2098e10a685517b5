"""Read-outs of a class: their losses by hand, and where the rectified one learns nothing."""
import pytest
import torch
from torch.nn.functional import cross_entropy, relu, softplus
from torch.testing import assert_close

from reprise.core.errors import InputError
from reprise.layers.heads import create_head, list_heads

H, TARGET = torch.randn(6, 5, generator=torch.Generator().manual_seed(0)).double(), torch.tensor([0, 1, 2, 2, 1, 0])


@pytest.fixture
def heads():
    return {name: create_head(name, 5, 3).double() for name in list_heads()}


def test_losses(heads):
    o = {name: head(H) for name, head in heads.items()}
    assert_close(heads["softmax"].loss(H, TARGET), cross_entropy(o["softmax"], TARGET))
    for name, positive in (("relu", relu), ("softplus", softplus)):
        total = 0.0
        for scores, target in zip(o[name], TARGET.tolist(), strict=True):
            p = positive(scores)
            share = p[target] / p.sum() if p.sum() > 0 else torch.tensor(0.0)
            total -= torch.log(share.clamp(1e-7, 1 - 1e-7)) / 6
        assert_close(heads[name].loss(H, TARGET), total)
    hinge = sum((relu(1 - (1 if i == t else -1) * row[i]) ** 2) for row, t in zip(o["hinge"], TARGET.tolist())
                for i in range(3)) / 6
    assert_close(heads["hinge"].loss(H, TARGET), hinge)


@pytest.mark.parametrize("name", ["softmax", "softplus", "hinge"])
def test_an_easy_thing_is_learned(name):
    """Not by the rectified one from every start: a class may be dead before it has learned anything."""
    head = create_head(name, 3, 3)
    x = 3 * torch.eye(3).repeat(20, 1) + 0.1 * torch.randn(60, 3)
    target = torch.arange(3).repeat(20)
    optimiser = torch.optim.Adam(head.parameters(), 0.05)
    for _ in range(200):
        optimiser.zero_grad()
        head.loss(x, target).backward()
        optimiser.step()
    assert (head.predict(x) == target).double().mean() > 0.95


def test_a_rectified_row_without_a_positive_score_teaches_nothing():
    head = create_head("relu", 2, 2)
    with torch.no_grad():
        head.score.weight.zero_()
        head.score.bias.copy_(torch.tensor([-1.0, -0.5]))
    h = torch.ones(1, 2)
    head.loss(h, torch.tensor([0])).backward()
    assert not head.score.bias.grad.any() and not head.score.weight.grad.any()
    assert head.predict(h) == 1, "the scores before the rectifier still tell them apart"


def test_softplus_teaches_however_far_off_a_score_is():
    o = torch.tensor([[-200.0, -25.0, 40.0]], dtype=torch.float64)
    head = create_head("softplus", 3, 3).double()
    with torch.no_grad():
        head.score.weight.copy_(torch.eye(3))
    for right in range(3):
        h = o.clone().requires_grad_()
        head.loss(h, torch.tensor([right])).backward()
        want = torch.autograd.functional.jacobian(
            lambda z, right=right: z.exp().log1p().sum().log() - z[right].exp().log1p().log(), o[0].clamp_min(-33.0))
        assert h.grad[0, right] != 0
        assert_close(h.grad[0, 1:], want[1:], rtol=1e-6, atol=1e-9)
    assert head.loss(o, torch.tensor([0])).item() == pytest.approx(200 + torch.tensor(40.0).log().item(), rel=1e-6)


@pytest.mark.parametrize("name", list_heads())
def test_losses_are_in_float32_in_a_narrow_model(name):
    head = create_head(name, 5, 3).bfloat16()
    assert head.loss(H.bfloat16(), TARGET).dtype == torch.float32


def test_unknown_head():
    with pytest.raises(InputError, match="no head is named 'softmx'; did you mean 'softmax'"):
        create_head("softmx", 2, 2)
