"""The largest Lyapunov exponent of cells whose own is known."""
import math

import pytest
import torch
from torch import nn

from reprise.analysis.lyapunov import largest_exponent
from reprise.bases.cell import Cell
from reprise.core.errors import InputError
from reprise.layers import create_layer


class Logistic(Cell):
    """h -> 4 h (1 - h), whose exponent is log 2 whatever the first value."""

    def __init__(self, width: int):
        super().__init__(width, (width,))
        self.rate = nn.Parameter(torch.tensor(4.0))

    def advance(self, p, h):
        return self.rate * h * (1 - h)

    def initial_memory(self, batch):
        return super().initial_memory(batch) + 0.3


class Linear(Cell):
    def __init__(self, width: int):
        super().__init__(width, (width,))
        self.around = nn.Parameter(torch.randn(width, width, generator=torch.Generator().manual_seed(1)))

    def advance(self, p, h):
        return p + h @ self.around


def test_of_the_logistic_map():
    found = largest_exponent(Logistic(1).double(), torch.zeros(2, 20000, 1, dtype=torch.float64))
    assert found == pytest.approx(math.log(2), abs=0.01)


def test_of_a_linear_map_is_its_largest_eigenvalue():
    layer = Linear(4).double()
    largest = torch.linalg.eigvals(layer.around).abs().max().log().item()
    found = largest_exponent(layer, torch.randn(3, 3000, 4, dtype=torch.float64), settle=500)
    assert found == pytest.approx(largest, abs=0.01)


@pytest.mark.parametrize("name", ["gru", "lstm", "elman"])
def test_equals_the_growth_of_a_small_difference(name):
    torch.manual_seed(0)
    layer, x = create_layer(name, 4).double(), torch.randn(1, 12, 4, dtype=torch.float64)
    found = largest_exponent(layer, x, seed=3).item()
    generator, state = torch.Generator().manual_seed(3), layer.initial_state(1)
    parts = [state.memory] if isinstance(state.memory, torch.Tensor) else list(state.memory)
    flat = torch.randn(1, 4 * len(parts), generator=generator).double()
    push = list(flat.split(4, 1))
    size = torch.cat(push, 1).norm()

    def last(scale):
        moved = [m + scale * v / size for m, v in zip(parts, push, strict=True)]
        memory = moved[0] if isinstance(state.memory, torch.Tensor) else type(state.memory)(*moved)
        end = layer(x, state._replace(memory=memory))[1].memory
        return torch.cat([end] if isinstance(end, torch.Tensor) else list(end), 1)

    apart = (last(1e-5) - last(-1e-5)).norm() / 2e-5
    assert found == pytest.approx(apart.log().item() / 12, abs=1e-6)


def test_larger_recurrent_weights_make_a_gru_chaotic():
    torch.manual_seed(0)
    layer, x = create_layer("gru", 16).double(), torch.randn(4, 200, 16, dtype=torch.float64)
    assert (largest_exponent(layer, x) < -0.1).all()
    with torch.no_grad():
        layer.from_h.weight *= 16
    assert largest_exponent(layer, x).max() > 0


def test_a_memory_that_is_not_looked_at_has_minus_infinity():
    layer = create_layer("elman", 3)
    for p in layer.parameters():
        p.data.zero_()
    assert largest_exponent(layer, torch.randn(2, 5, 3)).tolist() == [-math.inf, -math.inf]


def test_misfits_are_refused():
    with pytest.raises(InputError, match="expected a Cell"):
        largest_exponent(create_layer("mingru", 4), torch.zeros(1, 3, 4))
    with pytest.raises(InputError, match="3 steps of which settle=3 are not counted leave none"):
        largest_exponent(create_layer("gru", 4), torch.zeros(1, 3, 4), settle=3)
