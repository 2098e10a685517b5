"""Every way to read an irregular series: one interface, no look ahead, and each as its equations have it."""
import pytest
import torch
from torch.nn.functional import softplus
from torch.testing import assert_close

from reprise.bases.timed import ELAPSED
from reprise.core.errors import InputError
from reprise.core.marks import NO_MARKS
from reprise.core.state import map_state
from reprise.data.irregular.oscillators import Oscillators
from reprise.data.irregular.past import Known
from reprise.data.irregular.series import Aligned
from reprise.layers import create_layer
from reprise.models.irregular.between import GAPS, Aged, Decay, Euler
from reprise.models.irregular.fill import Fill
from reprise.models.irregular.interpolation import KernelInterpolation, MultiTimeAttention
from reprise.models.irregular.model import READERS, IrregularModel
from reprise.models.irregular.reader import CausalReader

STREAMS = [(name, "gru", fill) for name in ("events", "gaps", "gru_d", "ode_rnn") for fill in ("mean", "last")]
STREAMS += [("events", layer, "zero") for layer in ("s5", "ltc", "mingru")] + [("gru_d", "lstm", "mean")]
WAYS = [*STREAMS, *((name, "gru", "mean") for name in READERS if name not in ("events", "gaps", "gru_d", "ode_rnn"))]


def drawn(rows=3, seed=0, rate=9.0):
    x = Oscillators(rate=rate).sample(rows, torch.Generator().manual_seed(seed)).x
    return x._replace(time=x.time.double(), value=x.value.double())


def build(name, layer="gru", fill="mean"):
    torch.manual_seed(0)
    return IrregularModel(name, 3, 4, width=6, span=10.0, layer=layer, fill=fill, means=[0.1, -0.2, 0.3]).double()


@pytest.mark.parametrize(("name", "layer", "fill"), WAYS)
def test_answers_do_not_depend_on_padding_or_on_other_rows(name, layer, fill):
    model, x = build(name, layer, fill), drawn()
    answers, asked = model(x), torch.tensor([[1.0, 9.5]], dtype=torch.float64).expand(3, -1)
    values = model.values(x, asked)
    assert answers.shape == (3, 4) and values.shape == (3, 2, 3)
    for row, length in enumerate(x.lengths.tolist()):
        alone = x.take(slice(row, row + 1)).piece(0, length)._replace(lengths=None)
        assert_close(model(alone)[0], answers[row])
        assert_close(model.values(alone, asked[:1])[0], values[row])
    (answers.sum() + values.sum()).backward()
    missed = [key for key, p in model.named_parameters() if p.grad is None]
    assert all("asked" in key for key in missed), missed


@pytest.mark.parametrize(("name", "layer", "fill"), STREAMS)
def test_pieces_are_the_whole_and_the_future_is_not_seen(name, layer, fill):
    model, x = build(name, layer, fill), drawn()
    whole, end = model.follow(x)
    state, parts = model.initial_state(3), []
    for first in range(0, x.time.shape[1], 4):
        y, state = model.follow(x.piece(first, first + 4), state)
        parts.append(y)
    for row, length in enumerate(x.lengths):
        assert_close(torch.cat(parts, 1)[row, :length], whole[row, :length])
        assert_close(model(x)[row], whole[row, length - 1])
    map_state(assert_close, state, end)
    later = torch.arange(x.time.shape[1])[:, None] >= 3
    other = x._replace(value=x.value + later, seen=x.seen | later, time=x.time + 5 * later[:, 0])
    assert torch.equal(model.follow(other)[0][:, :3], whole[:, :3])
    assert not torch.equal(model.follow(other)[0][:, 3], whole[:, 3])


def test_a_question_of_a_causal_reader_sees_what_was_before():
    model, x = build("ode_rnn"), drawn()
    times = x.time[:, 2:3] + 1e-3
    cut = x.piece(0, 3)._replace(lengths=None)
    assert (x.time[:, 3:4] > times).all()
    assert_close(model.values(x, times), model.values(cut, times))


def test_bins_answer_from_those_that_have_ended():
    model, x = build("bins_mask"), drawn()
    late = x._replace(value=torch.where(x.time[..., None] > 5, x.value + 1, x.value))
    early, after = torch.tensor([[5.2]]).expand(3, 1).double(), torch.tensor([[6.1]]).expand(3, 1).double()
    assert torch.equal(model.values(x, early), model.values(late, early))
    assert not torch.equal(model.values(x, after), model.values(late, after))


def test_fills():
    seen = torch.tensor([[[False], [True], [False]]])
    value = torch.tensor([[[0.0], [2.0], [0.0]]])
    last, ever = torch.tensor([[[0.0], [2.0], [2.0]]]), torch.tensor([[[False], [True], [True]]])
    x = Aligned(torch.tensor([[0.0, 1.0, 4.0]]), value, seen)
    known = Known(torch.tensor([[0.0, 1.0, 3.0]]), torch.tensor([[[0.0], [1.0], [3.0]]]), last, ever)
    assert Fill(1, "zero", [5.0])(x, known).flatten().tolist() == [0, 2, 0]
    assert Fill(1, "mean", [5.0])(x, known).flatten().tolist() == [5, 2, 5]
    assert Fill(1, "last", [5.0])(x, known).flatten().tolist() == [5, 2, 2]
    share = torch.exp(torch.tensor(-0.3))
    assert_close(Fill(1, "decay", [5.0])(x, known).flatten(), torch.tensor([5, 2, share * 2 + (1 - share) * 5]))


def test_a_memory_decays_as_in_gru_d_and_flows_as_in_ode_rnn():
    torch.manual_seed(0)
    x, gaps, elapsed = torch.randn(2, 5, 4).double(), torch.rand(2, 5, 3).double(), torch.rand(2, 5).double()
    for between, told in ((Decay(3, 4), gaps), (Euler(4, steps=2), elapsed)):
        cell = create_layer("gru", 4)
        layer, h, ys = Aged(cell, between).double(), torch.zeros(2, 4).double(), []
        y, state, _ = layer.run_beside(x, layer.initial_state(2), NO_MARKS, {GAPS: gaps, ELAPSED: elapsed})
        for t in range(5):
            if isinstance(between, Decay):
                h = torch.exp(-torch.relu(told[:, t] @ between.rate.weight.T + between.rate.bias)) * h
            else:
                first, _, second = between.flow
                for _ in range(2):
                    flow = torch.tanh(h @ first.weight.T + first.bias) @ second.weight.T + second.bias
                    h = h + told[:, t, None] / 2 * flow
            h = cell.step(x[:, t], cell.initial_state(2)._replace(memory=h))[0]
            ys.append(h)
        assert_close(y, torch.stack(ys, 1))
        assert_close(state.memory, h)
        assert_close(layer(x)[0], cell(x)[0])  # told nothing, it does not age


@pytest.mark.parametrize("name", ["s5", "ltc"])
def test_layers_that_are_told_time(name):
    torch.manual_seed(0)
    layer, x = create_layer(name, 4).double(), torch.randn(2, 6, 4).double()

    def told(x, elapsed, state=None):
        return layer.run_beside(x, layer.initial_state(2) if state is None else state, NO_MARKS, {ELAPSED: elapsed})[0]

    ones = torch.ones(2, 6).double()
    assert_close(told(x, ones), layer(x)[0])
    assert not torch.allclose(told(x, 2 * ones), layer(x)[0])
    state = layer(x)[1]
    still = layer.run_beside(x[:, :1], state, NO_MARKS, {ELAPSED: 0 * ones[:, :1]})[1]
    if name == "ltc":  # without time nothing happens
        assert_close(still.memory, state.memory, atol=1e-4, rtol=0)
    else:  # an event without time before it adds to a memory that has not decayed
        assert_close(still.memory - state.memory, layer.project(x[:, :1])[1][:, 0])


def test_two_steps_of_half_the_time_are_one():
    """Of a linear layer, and without input in the midst."""
    torch.manual_seed(0)
    layer, state = create_layer("s5", 4).double(), None
    start = layer(torch.randn(1, 5, 4).double())[1]
    for elapsed in ([1.4], [0.9, 0.5]):
        told = torch.tensor([elapsed]).double()
        _, end, _ = layer.run_beside(torch.zeros(1, len(elapsed), 4).double(), start, NO_MARKS, {ELAPSED: told})
        state = end if state is None else state
        assert_close(end.memory, state.memory)


def test_kernels_and_attention_are_means_over_what_was_seen():
    torch.manual_seed(0)
    x = drawn(rows=1)
    kernel = KernelInterpolation(3, 6, span=10.0, points=5).double()
    attention = MultiTimeAttention(3, 6, span=10.0, points=5, heads=1).double()
    r = torch.tensor([[0.37]]).double()
    t, seen, value = x.time[0] / 10, x.seen[0], x.value[0]
    w = torch.exp(-softplus(kernel.sharpness) * (5 * (r[0] - t)[:, None]) ** 2) * seen
    scaled = x._replace(time=x.time / 10)
    assert_close(kernel.features(scaled, r)[0, 0], torch.cat([(w * value).sum(0) / w.sum(0), w.sum(0)]))
    embedded = [torch.cat([a[:, :1], torch.sin(a[:, 1:])], 1) for a in (
        z[:, None] * attention.frequency[0] + attention.phase[0] for z in (r[0], t))]
    scores = (embedded[0] @ attention.query[0]) @ (embedded[1] @ attention.key[0]).T / 4
    for d in range(3):
        share = scores[0][seen[:, d]].softmax(0)
        assert_close(attention.features(scaled, r)[0, 0, d], share @ value[seen[:, d], d])


@pytest.mark.parametrize("name", READERS)
def test_a_series_without_anything_has_an_answer(name):
    model, x = build(name), drawn()
    empty = x._replace(seen=x.seen & False, value=x.value * 0, lengths=x.lengths * 0)
    assert model(empty).isfinite().all() and model.values(empty, torch.ones(3, 1).double()).isfinite().all()


def test_kept_in_a_folder(tmp_path):
    model = build("gru_d").float()
    x = drawn()
    x = x._replace(time=x.time.float(), value=x.value.float())
    again = IrregularModel.from_pretrained(model.save_pretrained(tmp_path))
    assert torch.equal(again(x), model(x)) and isinstance(again.reader, CausalReader)
    assert_close(again.reader.fill.means, torch.tensor([0.1, -0.2, 0.3]))


def test_errors_say_what_to_do():
    with pytest.raises(InputError, match="no reader is named 'grud'; did you mean 'gru_d'"):
        IrregularModel("grud", 3, 4, span=1.0)
    with pytest.raises(InputError, match="no way to fill is named 'next'"):
        IrregularModel("events", 3, 4, span=1.0, fill="next")
    with pytest.raises(InputError, match="a mean for each of 3 channels, got 1"):
        IrregularModel("events", 3, 4, span=1.0, means=[0.0])
    with pytest.raises(InputError, match="KernelInterpolation sees a series as a whole"):
        build("kernel").follow(drawn())
    with pytest.raises(InputError, match="expected a cell, such as gru or lstm, got S5"):
        IrregularModel("gru_d", 3, 4, span=1.0, layer="s5")
    with pytest.raises(InputError, match=r"what was seen of \(B, T, 2\)"):
        IrregularModel("events", 2, 4, span=1.0).double()(drawn())
