"""With the same weights, Elman, GRU and LSTM are torch.nn's RNN, GRU and LSTM: outputs, final states, all gradients."""
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from torch.testing import assert_close

from reprise.core.state import named_tensors, refill
from reprise.layers.nonlinear.elman import Elman
from reprise.layers.nonlinear.gru import GRU
from reprise.layers.nonlinear.lstm import LSTM

PAIRS = {"elman": (Elman, nn.RNN), "gru": (GRU, nn.GRU), "lstm": (LSTM, nn.LSTM)}
B, D = 3, 5


@pytest.fixture(params=PAIRS)
def pair(request) -> tuple[nn.Module, nn.Module]:
    """The same function twice: torch's biases are given to ours, added up where ours has one."""
    ours, theirs = PAIRS[request.param]
    ours, theirs = ours(D).double(), theirs(D, D, batch_first=True).double()
    bias = theirs.bias_ih_l0 if ours.from_h.bias is not None else theirs.bias_ih_l0 + theirs.bias_hh_l0
    with torch.no_grad():
        ours.from_x.weight.copy_(theirs.weight_ih_l0)
        ours.from_x.bias.copy_(bias)
        ours.from_h.weight.copy_(theirs.weight_hh_l0)
        if ours.from_h.bias is not None:
            ours.from_h.bias.copy_(theirs.bias_hh_l0)
    return ours, theirs


def carried(ours: nn.Module) -> list[Tensor]:
    """A memory that is not zero: h, and c of an LSTM."""
    return [torch.randn_like(m).requires_grad_() for _, m in named_tensors(ours.initial_state(B))]


def run_ours(ours: nn.Module, x: Tensor, memory: list[Tensor], lengths: Tensor | None) -> list[Tensor]:
    y, state = ours(x, refill(ours.initial_state(B), memory), lengths=lengths)
    return [y, *(m for _, m in named_tensors(state))]


def run_theirs(theirs: nn.Module, x: Tensor, memory: list[Tensor], lengths: Tensor | None) -> list[Tensor]:
    hx = tuple(m[None] for m in memory)
    if lengths is None:
        y, last = theirs(x, hx if len(hx) > 1 else hx[0])
    else:
        x = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        y, last = theirs(x, hx if len(hx) > 1 else hx[0])
        y, _ = pad_packed_sequence(y, batch_first=True)
    return [y, *(m[0] for m in (last if isinstance(last, tuple) else [last]))]


def weights(layer: nn.Module) -> list[Tensor]:
    """In the same order for both; one bias of theirs stands for the single bias of ours, whose gradient it shares."""
    if isinstance(layer, nn.RNNBase):
        return [layer.weight_ih_l0, layer.bias_ih_l0, layer.weight_hh_l0, layer.bias_hh_l0]
    return [layer.from_x.weight, layer.from_x.bias, layer.from_h.weight,
            layer.from_x.bias if layer.from_h.bias is None else layer.from_h.bias]


def gradients(outputs: list[Tensor], inputs: list[Tensor]) -> tuple[Tensor, ...]:
    """Of one fixed mixture of everything that came out."""
    generator = torch.Generator().manual_seed(1)
    loss = sum((y * torch.randn(y.shape, generator=generator, dtype=y.dtype)).sum() for y in outputs)
    return torch.autograd.grad(loss, inputs)


@pytest.mark.parametrize("T", [1, 2, 40])
def test_same_function(pair, T, agree):
    compare(pair, torch.randn(B, T, D, dtype=torch.float64), None, agree)


@pytest.mark.parametrize("lengths", [[9, 9, 9], [9, 1, 5], [2, 9, 8]])
def test_same_function_of_rows_of_different_lengths(pair, lengths, agree):
    compare(pair, torch.randn(B, 9, D, dtype=torch.float64), torch.tensor(lengths), agree)


def test_without_a_state_both_begin_from_zero(pair):
    ours, theirs = pair
    x = torch.randn(B, 7, D, dtype=torch.float64)
    assert_close(ours(x)[0], theirs(x)[0])


def test_the_forget_gate_of_lstm_begins_open():
    """Jozefowicz et al. 2015: a bias of one; with no input and no past, c keeps sigmoid(1) = 0.73 of itself."""
    bias = LSTM(D).from_x.bias
    assert (bias[D : 2 * D] == 1).all()
    assert (bias[:D].abs() <= D**-0.5).all()
    assert (bias[2 * D :].abs() <= D**-0.5).all()


def compare(pair, x: Tensor, lengths: Tensor | None, agree) -> None:
    ours, theirs = pair
    x.requires_grad_()
    memory = carried(ours)
    one, other = run_ours(ours, x, memory, lengths), run_theirs(theirs, x, memory, lengths)
    name, close = type(ours).__name__.lower(), {"rtol": 1e-7, "atol": 1e-7}
    agree(name, "torch", "forward", one[0], other[0], **close)
    agree(name, "torch", "state", one[1:], other[1:], **close)
    agree(name, "torch", "gradient", gradients(one, [x, *memory, *weights(ours)]),
          gradients(other, [x, *memory, *weights(theirs)]), **close)
