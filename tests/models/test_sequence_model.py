"""Numbers in, numbers out: what is read, where sequences end, and what does not fit."""
import pytest
import torch

from reprise.core.errors import InputError
from reprise.models.sequence_model import SequenceModel


def build(read, layers="gru", **options):
    torch.manual_seed(0)
    return SequenceModel(layers, 3, 2, width=8, depth=2, read=read, **options).double()


@pytest.mark.parametrize("read", ["each", "last", "mean"])
def test_padding_changes_nothing(read):
    model, x, lengths = build(read), torch.randn(3, 6, 3).double(), torch.tensor([6, 4, 1])
    y, state = model(x, lengths=lengths)
    for row, length in enumerate(lengths.tolist()):
        alone, end = model(x[row : row + 1, :length])
        mine = y[row, :length] if read == "each" else y[row]
        assert torch.allclose(mine, alone[0], atol=1e-12)
        for a, b in zip(end, state, strict=True):
            assert torch.allclose(a.memory[0], b.memory[row], atol=1e-12)


def test_last_and_mean_are_those_of_each_step():
    x, each = torch.randn(2, 5, 3).double(), build("each")
    last, mean = build("last"), build("mean")
    assert torch.equal(last(x)[0], each(x)[0][:, -1])
    assert torch.allclose(mean(x)[0], each(x)[0].mean(1), atol=1e-12)  # the read-out is linear


@pytest.mark.parametrize("read", ["each", "last"])
def test_step_is_forward(read):
    model, x = build(read, layers=["lru", "gru"]), torch.randn(2, 5, 3).double()
    state, found = model.initial_state(2), []
    for x_t in x.unbind(1):
        y, state = model.step(x_t, state)
        found.append(y)
    whole = model(x)[0]
    assert torch.allclose(torch.stack(found, 1) if read == "each" else found[-1], whole, atol=1e-12)


@pytest.mark.parametrize("read", ["each", "last", "mean"])
def test_no_steps(read):
    y, _ = build(read)(torch.zeros(2, 0, 3).double())
    assert y.shape == ((2, 0, 2) if read == "each" else (2, 2)) and y.isfinite().all()


def test_it_is_saved(tmp_path):
    model = build("mean", norm="layer").float().eval()
    again = SequenceModel.from_pretrained(model.save_pretrained(tmp_path))
    x = torch.randn(2, 5, 3)
    assert torch.equal(again(x)[0], model(x)[0])


@pytest.mark.parametrize(("wrong", "message"), [
    (lambda: build("first"), "read to be one of each, last, mean, got 'first'"),
    (lambda: SequenceModel("gru", 0, 2), "inputs of 1 or more, got 0"),
    (lambda: build("each")(torch.zeros(2, 5).double()), r"shape \(B, T, 3\), got \(2, 5\); a single number"),
    (lambda: build("mean")(torch.zeros(2, 5, 3).double(), build("mean").initial_state(2)), "the mean is over whole"),
    (lambda: build("mean").step(torch.zeros(2, 3).double(), None), "known at its end only"),
])
def test_what_does_not_fit(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong()
