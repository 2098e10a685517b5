import math

import pytest
import torch

from reprise import create_layer
from reprise.analysis.reach import first_step_gradient
from reprise.core.errors import InputError


def test_of_a_linear_recurrence_it_is_a_power_of_the_matrix():
    layer, x = create_layer("linear_rnn", 3, hidden=4).double(), torch.randn(1, 9, 3, dtype=torch.float64)
    A, B = layer.A, layer.B
    found = first_step_gradient(layer, x, [1, 2, 9])
    want = torch.stack([(torch.linalg.matrix_power(A, t - 1) @ B).norm() for t in (1, 2, 9)])
    torch.testing.assert_close(found, want)


def test_a_complex_memory_counts_both_its_parts():
    layer, x = create_layer("lru", 2, hidden=3).double(), torch.randn(1, 5, 2, dtype=torch.float64)
    gain = layer.gamma.exp()[:, None, None] * layer.B
    left = torch.exp(-4 * layer.rates())[:, None, None]
    torch.testing.assert_close(first_step_gradient(layer, x, [5])[0], (left * gain).norm().to(torch.float64))


def test_legs_forgets_like_one_over_time_and_an_lstm_exponentially():
    x = torch.randn(1, 400, 2)
    slow = first_step_gradient(create_layer("hippo_legs", 2, states=2), x, [100, 400])
    assert math.log(slow[0] / slow[1]) / math.log(4) == pytest.approx(1, abs=0.1)
    torch.manual_seed(0)
    fast = first_step_gradient(create_layer("lstm", 2), x, [20, 80])
    assert fast[1] < 1e-3 * fast[0]


@pytest.mark.parametrize(("rows", "lengths", "said"), [(2, [3], r"one row \(1 T D\)"), (1, [9], "from 1 to 5, got 9")])
def test_errors(rows, lengths, said):
    with pytest.raises(InputError, match=said):
        first_step_gradient(create_layer("gru", 2), torch.zeros(rows, 5, 2), lengths)
