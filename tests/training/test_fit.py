import pytest
import torch
from tiny import Shuffled, Tiny, advance, tiny_run

from reprise.training.fit import fit
from reprise.training.guard import NonFinite
from reprise.training.objectives import next_token
from reprise.training.run import Run
from reprise.training.schedules import WarmupDecay


def weights(model):
    return {name: p.detach().clone() for name, p in model.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_learns_and_tells():
    run = tiny_run(steps=200)
    records = advance(run, 200)
    assert [r.step for r in records] == list(range(1, 201))
    assert sum(r.loss for r in records[-20:]) < 0.8 * sum(r.loss for r in records[:20])
    assert all(r.tokens == 18 and r.gradient_norm > 0 for r in records)
    assert records[0].rate == pytest.approx(1e-2 / 3)
    assert run.tokens == 200 * 18


def test_is_the_loop_written_out():
    torch.manual_seed(5)
    model = Tiny(dropout=0.0)
    copy = Tiny(dropout=0.0)
    copy.load_state_dict(model.state_dict())
    mine, theirs = (torch.optim.SGD(m.parameters(), lr=0.5) for m in (model, copy))
    schedule = WarmupDecay(4, warmup=2)
    batches = [batch for batch, _ in zip(Shuffled(), range(4))]
    records = list(fit(model, batches, next_token, mine, schedule, clip=0.1))
    state = None
    for i, batch in enumerate(batches):
        logits, state = copy(batch.x, state, resets=batch.resets)
        state = tuple((h.detach(),) for (h,) in state)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch.y.flatten())
        theirs.param_groups[0]["lr"] = 0.5 * schedule(i)
        theirs.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(copy.parameters(), 0.1)
        theirs.step()
        assert (records[i].loss, records[i].gradient_norm) == pytest.approx((loss.item(), norm.item()), rel=1e-5)
    torch.testing.assert_close(weights(model), weights(copy))
    torch.testing.assert_close(records[-1].state, state)
    assert not any(h.requires_grad for (h,) in records[-1].state)


def test_a_batch_with_nothing_to_count_teaches_nothing():
    model = Tiny()
    before = weights(model)
    batch = next(iter(Shuffled()))
    batch = batch._replace(y=torch.full_like(batch.y, -100))
    record, = fit(model, [batch], next_token, torch.optim.SGD(model.parameters(), lr=1.0))
    assert (record.loss, record.tokens) == (0.0, 0)
    assert same(before, weights(model))


class Stand:
    """What the loop asks of a Fabric."""

    calls = 0

    def backward(self, tensor):
        self.calls += 1
        tensor.backward()


def test_backward_is_the_launchers():
    model, fabric = Tiny(), Stand()
    run = Run(model, Shuffled(), torch.optim.SGD(model.parameters(), lr=0.1), fabric=fabric)
    advance(run, 3)
    assert fabric.calls == 3


def test_lightning_fabric_trains_alike():
    from lightning_fabric import Fabric
    plain = tiny_run()
    advance(plain, 5)
    run = tiny_run()
    fabric = Fabric(accelerator="cpu", devices=1)
    run.fabric = fabric
    wrapped = run.model
    run.model, run.optimiser = fabric.setup(run.model, run.optimiser)
    advance(run, 5)
    assert same(weights(plain.model), weights(wrapped))


def poison(run, where):
    """Plants a NaN; what the error should say of it."""
    model = run.model
    with torch.no_grad():
        if where == "parameter":
            model.layers[1].mix.weight[2, 3] = torch.nan
            return r"parameter 'layers.1.mix.weight'"
        if where == "state":
            run.state[1][0][2, 0] = torch.nan
            return "the carried state, 1.0, row 2"
    if where == "output":
        model.layers[0].mix.register_forward_hook(lambda m, i, y: y.index_fill(0, torch.tensor([1]), torch.inf))
        return r"the output of layer 'layers.0.mix' \(Linear\), row 1, time 0"
    if where == "gradient":
        model.layers[0].mix.weight.register_hook(lambda g: g * torch.nan)
        return "the gradient of parameter 'layers.0.mix.weight'"
    model.head.bias.register_hook(lambda g: g.fill_(1e30))
    return "the norm of the gradient, largest in parameter 'head.bias'"


@pytest.mark.parametrize("where", ["parameter", "state", "output", "gradient", "norm"])
def test_stops_before_the_update(where):
    run = tiny_run()
    advance(run, 4)
    said = poison(run, where)
    before, moments = weights(run.model), run.optimiser.state_dict()["state"][0]["exp_avg"].clone()
    with pytest.raises(NonFinite, match=f"step 5: not finite: {said}") as caught:
        advance(run, 9)
    assert caught.value.step == 5
    assert all(torch.equal(p.nan_to_num(7), before[n].nan_to_num(7)) for n, p in weights(run.model).items())
    assert torch.equal(moments, run.optimiser.state_dict()["state"][0]["exp_avg"])
    assert run.step == 4
    assert all(p.grad is None for p in run.model.parameters())


def series_objective(model, batch, state):
    from reprise.training.objectives import Scored
    return Scored(model(batch.x).square().sum(), batch.x.shape[0], ())


def test_names_the_row_and_time_of_a_bad_input():
    from typing import NamedTuple

    class Series(NamedTuple):
        x: torch.Tensor

    model = torch.nn.Linear(2, 2)
    x = torch.zeros(3, 5, 2)
    x[2, 4, 1] = torch.nan
    batches = [Series(torch.ones(3, 5, 2)), Series(x)]
    with pytest.raises(NonFinite, match="step 2: not finite: the batch, x, row 2, time 4; the weights"):
        list(fit(model, batches, series_objective, torch.optim.SGD(model.parameters(), lr=0.1)))


def test_may_go_on_after_a_bad_batch():
    run = tiny_run()
    advance(run, 2)
    handle = run.model.head.weight.register_hook(lambda g: g * torch.nan)
    with pytest.raises(NonFinite):
        advance(run, 3)
    handle.remove()
    assert [r.step for r in advance(run, 4)] == [3, 4]
