"""Units that begin anew: the rule against a plain loop, the function that barely changes, and where it is refused."""
import pytest
import torch
from torch import nn

from reprise import create_layer
from reprise.continual.learning import learn
from reprise.continual.strategies.continual_backprop import ContinualBackprop
from reprise.continual.strategy import Update, listening
from reprise.continual.units import Units, chain_units, recurrent_units
from reprise.core.errors import InputError
from reprise.data.labelled import Labelled
from reprise.models.feedforward.mlp import MLP
from reprise.training.objectives import label, squared_error


class Reader(nn.Module):
    """A recurrent layer and a read-out of its last output, no residual between."""

    def __init__(self, name, width):
        super().__init__()
        self.layer, self.out = create_layer(name, width), nn.Linear(width, 3)

    def forward(self, x, state=None, *, lengths=None, resets=None):
        y, state = self.layer(x, state)
        return self.out(y[:, -1]), state

    def units(self):
        return (recurrent_units(self, "layer", (("out.weight", "out.bias"),)),)


def stream(inputs, count, rows=6, outputs=3):
    generator = torch.Generator().manual_seed(1)
    for _ in range(count):
        x = torch.randn(rows, *inputs, generator=generator, dtype=torch.double)
        yield Labelled(x, torch.randint(outputs, (rows,), generator=generator))


def observe(model, x, names):
    with listening(model, names) as seen:
        answers, _ = model(x)
    return answers.detach(), seen


def test_against_a_plain_loop():
    """Utility, age, accumulation and choice, unit by unit in Python floats."""
    model = MLP(4, 3, (6,)).double()
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    strategy = ContinualBackprop(chain_units(model), rate=0.05, maturity=7, decay=0.9).begun(model, 0)
    plain = {layer.seen: [{"age": 0, "utility": 0.0} for _ in range(layer.count)] for layer in strategy.units}
    due, replaced = dict.fromkeys(plain, 0.0), 0
    for step in learn(model, stream((4,), 40), label, optimiser, strategy):
        for layer, track in zip(strategy.units, step.strategy.tracks, strict=True):
            activity, units = step.seen[layer.seen], plain[layer.seen]
            new = {i for i in range(layer.count) if int(track.age[i]) == 0}
            weight = model.get_parameter(layer.outgoing[0][0])
            for i, unit in enumerate(units):
                unit["age"] += 1
                if i in new:  # its outgoing weights are zero now; what they were is tested below
                    continue
                useful = activity[:, i].abs().mean().item() * weight[:, i].abs().mean().item()
                unit["utility"] = 0.9 * unit["utility"] + 0.1 * useful
            due[layer.seen] += 0.05 * sum(unit["age"] > 7 for unit in units)
            count = int(due[layer.seen])
            due[layer.seen] -= count
            assert len(new) == count and all(units[i]["age"] > 7 for i in new)
            for i in new:
                units[i] = {"age": 0, "utility": 0.0}
            assert track.due == pytest.approx(due[layer.seen])
            torch.testing.assert_close(track.utility, torch.tensor([u["utility"] for u in units]).double())
            replaced += count
    assert replaced > 5


def spread(model, units, utilities):
    """A strategy of old units, in which those of the least utility are due now."""
    strategy = ContinualBackprop(units, rate=0.0, maturity=0, decay=0.5).begun(model, 0)
    (track,) = strategy.tracks
    track = track._replace(age=track.age + 50, utility=torch.tensor(utilities).double(), due=2.0)
    return ContinualBackprop(units, rate=0.0, maturity=0, decay=0.5, tracks=(track,), first=strategy.first,
                             generator=torch.Generator().manual_seed(0))


def test_the_least_useful_begin_anew_and_the_function_stays():
    """Activities are constant over the batch, so that the mean that moves into the bias is all a unit gave."""
    model = MLP(4, 3, (5,), "tanh").double()
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    x = torch.ones(6, 4).double()
    sum(step.record.loss for step in learn(model, [Labelled(x, torch.zeros(6).long())], label, optimiser))
    strategy = spread(model, chain_units(model), [5.0, 1e-9, 4.0, 3.0, 1e-8])
    answers, seen = observe(model, x, strategy.watched)
    for _ in range(60):  # running means have converged
        strategy = ContinualBackprop(strategy.units, 0.0, 10**6, 0.5, tracks=strategy.tracks,
                                     first=strategy.first).updated(
            Update(model, optimiser, label, None, None, seen))
    with torch.no_grad():  # least used are those whose outgoing weights are small
        model.out.weight[:, [1, 4]] *= 1e-3
    answers, seen = observe(model, x, strategy.watched)
    before = model.hidden[0].weight.clone()
    track = strategy.tracks[0]._replace(utility=strategy.tracks[0].utility * torch.tensor([1, 0, 1, 1, 0]), due=2.0)
    after = ContinualBackprop(strategy.units, 0.0, 0, 0.5, tracks=(track,), first=strategy.first).updated(
        Update(model, optimiser, label, None, None, seen))
    assert after.tracks[0].age.tolist() == [111, 0, 111, 111, 0]
    torch.testing.assert_close(observe(model, x, ())[0], answers)
    assert torch.equal(model.hidden[0].weight[[0, 2, 3]], before[[0, 2, 3]])
    assert not torch.equal(model.hidden[0].weight[[1, 4]], before[[1, 4]])
    first = set(strategy.first["hidden.0.weight"].flatten().tolist())
    assert set(model.hidden[0].weight[[1, 4]].flatten().tolist()) <= first
    assert not model.out.weight[:, [1, 4]].any() and not model.hidden[0].bias[[1, 4]].any()
    moments = optimiser.state[model.hidden[0].weight], optimiser.state[model.out.weight]
    for moment in ("exp_avg", "exp_avg_sq"):
        assert not moments[0][moment][[1, 4]].any() and moments[0][moment][[0, 2, 3]].any()
        assert not moments[1][moment][:, [1, 4]].any() and moments[1][moment][:, [0, 2, 3]].any()


@pytest.mark.parametrize(("name", "gates"), [("elman", 1), ("gru", 3), ("lstm", 4)])
def test_a_recurrent_unit_is_all_its_gates_rows_and_columns(name, gates):
    model = Reader(name, 4).double()
    (units,) = model.units()
    assert all(units.rows(model.get_parameter(n)).shape[:2] == (gates, 4) for n in units.incoming)
    optimiser = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    strategy = ContinualBackprop((units,), rate=0.2, maturity=3).begun(model, 0)
    renewed = 0
    for step in learn(model, stream((5, 4), 12), label, optimiser, strategy):
        for i in (step.strategy.tracks[0].age == 0).nonzero()[:, 0].tolist():
            renewed += 1
            assert not model.out.weight[:, i].any() and not model.layer.from_h.weight[:, i].any()
            assert not model.layer.from_x.bias.view(gates, 4)[:, i].any()
            assert model.layer.from_x.weight.view(gates, 4, 4)[:, i].any()
            momentum = optimiser.state[model.layer.from_h.weight]["momentum_buffer"]
            assert not momentum[:, i].any() and not momentum.view(gates, 4, 4)[:, i].any()
    assert renewed >= 4


def test_no_rate_changes_nothing_and_a_rate_waits_for_maturity():
    def weights(rate, maturity):
        torch.manual_seed(0)
        model = MLP(4, 3, (5,)).double()
        strategy = ContinualBackprop(chain_units(model), rate, maturity).begun(model, 0)
        steps = list(learn(model, stream((4,), 10), label, torch.optim.SGD(model.parameters(), 0.1), strategy))
        return model.hidden[0].weight, steps[-1].strategy.tracks[0].age.tolist()

    plain, ages = weights(0.0, 0)
    assert ages == [10] * 5
    late, ages = weights(1.0, 10)
    assert ages == [10] * 5 and torch.equal(plain, late)
    assert weights(1.0, 9)[1] == [0] * 5


def test_adaptable_utility_divides_by_incoming_weights_and_leaves_out_the_mean():
    model = MLP(2, 1, (2,)).double()
    with torch.no_grad():
        for p in model.parameters():
            p.zero_()
        model.hidden[0].weight[:] = torch.tensor([[1.0, 1.0], [2.0, 2.0]])
        model.out.weight[:] = 1.0
    strategy = ContinualBackprop(chain_units(model), 0.0, adaptable=True, decay=0.0).begun(model, 0)
    x, y = torch.tensor([[1.0, 0.0], [1.0, 2.0]]).double(), torch.zeros(2, 1).double()
    (step,) = learn(model, [Labelled(x, y)], squared_error, torch.optim.SGD(model.parameters(), 0.0), strategy)
    # activities are 1, 3 and 2, 6: away from their means by 1 and by 2
    torch.testing.assert_close(step.strategy.tracks[0].utility, torch.tensor([1.0, 1.0]).double())


def test_misuse():
    model = MLP(4, 3, (5,))
    with pytest.raises(InputError, match="rate from 0 to 1"):
        ContinualBackprop((), rate=2.0)
    with pytest.raises(InputError, match="call begun"):
        list(learn(model.double(), stream((4,), 1), label, torch.optim.SGD(model.parameters(), 0.1),
                   ContinualBackprop(chain_units(model))))
    with pytest.raises(InputError, match="two Linear or more"):
        chain_units(nn.Linear(2, 2))
    with pytest.raises(InputError, match="a chain passes them on"):
        chain_units(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(4, 1)))
    with pytest.raises(InputError, match="from_x and from_h"):
        recurrent_units(nn.ModuleDict({"layer": create_layer("mamba", 8)}), "layer", ())
    assert Units("a", 2, (), ()).rows(torch.zeros(6, 3)).shape == (3, 2, 3)


def test_activity_of_autocast_is_brought_to_the_precision_of_the_track():
    model = MLP(4, 3, (5,))
    strategy = ContinualBackprop(chain_units(model), 0.1, maturity=0).begun(model, 0)
    with torch.autocast("cpu", torch.bfloat16):
        _, seen = observe(model, torch.randn(6, 4), strategy.watched)
    assert seen[strategy.watched[0]].dtype == torch.bfloat16
    optimiser = torch.optim.SGD(model.parameters(), 0.1)
    (track,) = strategy.updated(Update(model, optimiser, label, None, None, seen)).tracks
    assert track.utility.dtype == track.activity.dtype == torch.float32 and track.utility.any()


@pytest.mark.parametrize(("name", "message"), [
    ("layer_norm_lstm", "has 'norm_x.weight' besides"), ("lstm_peephole", "has 'peepholes' besides"),
    ("leaky_rnn", "has 'tau' besides"), ("hyper_lstm", "has 'scales' besides"), ("cfc", "give 128 and 128 numbers"),
])
def test_cells_with_parameters_besides_their_two_maps_are_refused(name, message):
    with pytest.raises(InputError, match=message):
        Reader(name, 5).units()
    assert Reader("lstm_np", 5).units()[0].count == 5
