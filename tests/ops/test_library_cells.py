"""Cells as one call of oneDNN or cuDNN are as good as their definitions, both ways, and run where they should."""
import pytest
import torch

from reprise import create_layer
from reprise.core.marks import NO_MARKS, Marks
from reprise.core.state import map_state, named_tensors
from reprise.layers.nonlinear.gru import GRU
from reprise.layers.nonlinear.lstm import LSTM
from reprise.ops.case import ragged
from reprise.ops.gru import library as library_of_gru
from reprise.ops.lstm import LSTMMemory, library, lstm
from reprise.testing.rows import assert_rows_as_good

MARKS = {"whole": NO_MARKS, "padded": ragged([21, 0, 1, 20], [[]] * 4, 21)}


def given(dtype, scale, B=4, T=21, D=6):
    draw = torch.Generator().manual_seed(0)
    shapes = {"x": (B, T, D), "weight_x": (4 * D, D), "bias": (4 * D,), "weight": (4 * D, D), "h": (B, D), "c": (B, D)}
    rough = {name: torch.randn(shape, generator=draw) / 2 for name, shape in shapes.items()}
    return {name: (z * (scale if name == "x" else 1)).to(dtype).requires_grad_() for name, z in rough.items()}


def by_definition(x, weight_x, bias, weight, memory, marks):
    return lstm(torch.nn.functional.linear(x, weight_x, bias), weight, memory, marks, backend="reference")


def outcome(run, given, marks: Marks):
    x, weight_x, bias, weight, h, c = given.values()
    every, last = run(marks.pad(x, 0.0), weight_x, bias, weight, LSTMMemory(h, c), marks)
    found = {"every": marks.pad(every, 0.0), **dict(named_tensors(last))}
    loss = sum((z * torch.linspace(-1, 1, z.numel(), dtype=z.dtype).view_as(z)).sum() for z in found.values())
    return found | dict(zip(given, torch.autograd.grad(loss, list(given.values()))))


@pytest.mark.parametrize("scale", [1.0, 100.0])
@pytest.mark.parametrize("marks", MARKS)
def test_as_good_as_the_loop(marks, scale):
    exact, loop, found = (outcome(run, given(dtype, scale), MARKS[marks]) for run, dtype in (
        (by_definition, torch.float64), (by_definition, torch.float32), (library.lstm_of_input, torch.float32)))
    for part in exact:
        assert_rows_as_good(found[part], loop[part], exact[part], part, factor=8.0)


def test_padding_keeps_the_memory_to_the_last_digit():
    x, weight_x, bias, weight, h, c = map_state(torch.Tensor.detach, tuple(given(torch.float32, 1.0).values()))
    run = library.lstm_of_input
    marks = MARKS["padded"]
    _, last = run(marks.pad(x, 0.0), weight_x, bias, weight, LSTMMemory(h, c), marks)
    assert torch.equal(last.h[1], h[1]) and torch.equal(last.c[1], c[1])
    _, alone = run(x[3:, :20], weight_x, bias, weight, LSTMMemory(h[3:], c[3:]), NO_MARKS)
    torch.testing.assert_close((last.h[3:], last.c[3:]), tuple(alone), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("lengths", [None, torch.tensor([9, 0])])
def test_sequences_run_there_and_nothing_else_does(lengths, monkeypatch):
    layer, x = create_layer("lstm", 4), torch.randn(2, 9, 4)
    state = layer.initial_state(2)
    want = {"double": layer.double()(x.double()), "float": layer.float()(x)}
    monkeypatch.setattr(LSTM, "recur", lambda *parts: pytest.fail("recur ran"))
    layer(x, lengths=lengths)
    for elsewhere in (lambda: layer.step(x[:, 0], state), lambda: layer(x, resets=torch.ones(2, 9, dtype=torch.bool)),
                      lambda: create_layer("lstm", 4).double()(x.double())):
        with pytest.raises(pytest.fail.Exception, match="recur ran"):
            elsewhere()
    torch.testing.assert_close(want["double"][0].float(), want["float"][0])


def test_a_gru_goes_to_the_library_whole(monkeypatch):
    """On a GPU, that is; here torch's own code stands in, which takes the same arguments."""
    layer, x, lengths = create_layer("gru", 4), torch.randn(2, 9, 4), torch.tensor([9, 3])
    want, padded = layer(x), layer(x, lengths=lengths)
    assert not library_of_gru.serves(x, layer.from_h.weight, NO_MARKS)
    monkeypatch.setattr(library_of_gru, "ON_GPU", {"cpu": lambda: True})
    torch.testing.assert_close(layer(x, lengths=lengths)[0], padded[0], rtol=0, atol=0)
    monkeypatch.setattr(GRU, "recur", lambda *parts: pytest.fail("recur ran"))
    torch.testing.assert_close(layer(x)[0], want[0])
    torch.testing.assert_close(layer(x)[1].memory, want[1].memory)
