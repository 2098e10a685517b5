"""The multilayer perceptron: against its equations, in training, and where it is refused."""
import pytest
import torch

from reprise.core.errors import InputError
from reprise.data.labelled import Labelled
from reprise.models.feedforward.mlp import MLP
from reprise.training.fit import fit
from reprise.training.objectives import accuracy, label


def test_equations():
    model, x = MLP(6, 3, (5, 4), "tanh"), torch.randn(7, 2, 3)
    first, second = model.hidden[0], model.hidden[2]
    below = (first.weight @ x.view(7, 6).T + first.bias[:, None]).tanh()
    features = (second.weight @ below + second.bias[:, None]).tanh()
    torch.testing.assert_close(model(x)[0], (model.out.weight @ features).T + model.out.bias)
    torch.testing.assert_close(model.hidden(x.flatten(1)), features.T)
    assert model(x)[1] is None and model(x[:0])[0].shape == (0, 3)


def test_starts():
    torch.manual_seed(0)
    plain, kaiming = MLP(300, 200, (400,)), MLP(300, 200, (400,), start="kaiming")
    assert plain.hidden[0].weight.abs().max().item() == pytest.approx(300**-0.5, rel=1e-3)
    assert kaiming.hidden[0].weight.var().item() == pytest.approx(2 / 300, rel=0.02)
    assert kaiming.out.weight.var().item() == pytest.approx(1 / 400, rel=0.02)
    assert not kaiming.out.bias.any() and not kaiming.hidden[0].bias.any()
    assert MLP(3, 2, (4,), bias=False, start="kaiming").out.bias is None


def test_it_learns_in_the_loop():
    """Exclusive or, which a linear model cannot."""
    x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    data, scores = Labelled(x, torch.tensor([0, 1, 1, 0])), []
    for widths in ((), (16,)):
        torch.manual_seed(0)
        model = MLP(2, 2, widths, "tanh")
        for _ in fit(model, [data] * 150, label, torch.optim.Adam(model.parameters(), 0.05)):
            pass
        scores.append(accuracy(model, [data]))
    assert scores[0] < 1.0 == scores[1]


def test_misuse():
    with pytest.raises(InputError, match="did you mean 'relu'"):
        MLP(2, 2, activation="reluu")
    with pytest.raises(InputError, match="torch or kaiming"):
        MLP(2, 2, start="xavier")
    with pytest.raises(InputError, match="6 numbers a row"):
        MLP(6, 2)(torch.zeros(3, 5))
    with pytest.raises(InputError, match="give x alone"):
        MLP(6, 2)(torch.zeros(3, 6), lengths=torch.ones(3).long())
    with pytest.raises(InputError, match="width of 1 or more"):
        MLP(6, 2, (0,))
