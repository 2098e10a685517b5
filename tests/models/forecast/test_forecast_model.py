"""However the steps come, a ForecastModel says the same; its level, its segments and its covariates are what they say.
"""
import pytest
import torch

from reprise.core.errors import InputError
from reprise.core.state import fork, named_tensors, select
from reprise.core.state_file import load_state, save_state
from reprise.models.forecast.forecast_model import ForecastModel

B, T, H = 3, 23, 6
BUILDS = {
    "plain": dict(layers="gru", memory=20.0),
    "segments": dict(layers="gru", segment=4, head="quantiles", scaled=True, depth=2),
    "joint with covariates": dict(layers="mamba", segment=5, known=2, static=3, series=2, head="student_t"),
    "known ahead": dict(layers="lstm", segment=3, known=1, channel="glu"),
    "matrix memory": dict(layers="retnet", segment=4, series=3, memory=5.0, scaled=True),
    "a state that grows": dict(layers="full_attention", segment=2),
}


@pytest.fixture(params=list(BUILDS))
def given(request):
    """A model in float64, values, and what it is told beside them."""
    torch.manual_seed(0)
    options = BUILDS[request.param]
    model = ForecastModel(**{"horizon": H, "width": 16} | options).double().eval()
    y = torch.randn(B, T, model.width).double()
    known = torch.randn(B, T + H, model.known).double() if model.known else None
    static = torch.randn(B, model.static).double() if model.static else None
    return model, y, known, static


def part(known, first, last):
    return None if known is None else known[:, first : last + H]


def same(one, other):
    for (_, a), (_, b) in zip(named_tensors(one), named_tensors(other), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def test_chunks_are_the_whole(given):
    model, y, known, static = given
    whole, end = model(y, known=known, static=static)
    later = None if known is None else known[:, T:]
    torch.testing.assert_close(model.forecast(end, known=later, static=static), whole[:, -1], rtol=0, atol=1e-12)
    read = None if known is None else known[:, :T]
    same(model.advance(y, model.initial_state(B), known=read, static=static), end)
    state, parts = None, []
    for first, last in ((0, 0), (0, 1), (1, 7), (7, 7), (7, 20), (20, T)):
        answers, state = model(y[:, first:last], state, known=part(known, first, last), static=static)
        parts.append(answers)
    torch.testing.assert_close(torch.cat(parts, 1), whole, rtol=0, atol=1e-12)
    same(state, end)


def test_steps_are_the_whole(given):
    """Also by machine code, which comes into use after some steps."""
    model, y, known, static = given
    y = torch.cat([y, y + 1], 1)
    known = None if known is None else torch.cat([known, known], 1)[:, : 2 * T + H]
    whole, end = model(y, known=known, static=static)
    state = model.initial_state(B)
    with torch.no_grad():
        for t in range(2 * T):
            answers, state = model.step(y[:, t], state, known=part(known, t, t + 1), static=static)
            torch.testing.assert_close(answers, whole[:, t].detach(), rtol=0, atol=1e-11)
    same(state, end)


def test_padded_rows_are_the_rows(given):
    model, y, known, static = given
    lengths = torch.tensor([0, 10, T])
    broken = y.clone()
    broken[1, 10:] = torch.nan
    answers, state = model(broken, known=known, static=static, lengths=lengths)
    assert (answers[0] == 0).all() and (answers[1, 10:] == 0).all()
    alone, end = model(y[1:2, :10], known=None if known is None else known[1:2, : 10 + H],
                       static=None if static is None else static[1:2])
    torch.testing.assert_close(answers[1, :10], alone[0], rtol=0, atol=1e-12)
    if "full_attention" not in str(model.options["layers"]):  # there the shorter rows are filled up
        same(select(state, [1]), end)
    going_on, _ = model(y[:, :3], state, known=part(known, 0, 3), static=static)
    after, _ = model(y[1:2, :3], end, known=None if known is None else known[1:2, : 3 + H],
                     static=None if static is None else static[1:2])
    torch.testing.assert_close(going_on[1:2], after, rtol=0, atol=1e-12)


def test_windows_and_chosen_origins(given):
    model, y, known, static = given
    whole, _ = model(y, known=known, static=static)
    torch.testing.assert_close(model.windows(y, known=known, static=static), whole[:, -1], rtol=0, atol=1e-12)
    some, _ = model(y, known=known, static=static, at=torch.tensor([3, 20]))
    torch.testing.assert_close(some, whole[:, [3, 20]], rtol=0, atol=1e-13)
    own, _ = model(y, known=known, static=static, at=torch.tensor([[3], [0], [22]]))
    torch.testing.assert_close(own[:, 0], whole[range(3), [3, 0, 22]], rtol=0, atol=1e-13)


def test_nothing_is_known_of_the_future(given):
    """Answers depend on no later value; on covariates as far as the horizon, and no further."""
    model, y, known, static = given
    whole, _ = model(y, known=known, static=static)
    later = y.clone()
    later[:, 10:] += 7
    changed, _ = model(later, known=known, static=static)
    assert torch.equal(whole[:, :10], changed[:, :10]) and not torch.equal(whole[:, 10], changed[:, 10])
    if known is not None:
        known = known.clone()
        known[:, 10 + H] += 1
        changed, _ = model(y, known=known, static=static)
        assert torch.equal(whole[:, :10], changed[:, :10]) and not torch.equal(whole[:, 10], changed[:, 10])


def test_a_gradient_crosses_a_cut(given):
    model, y, known, static = given
    _, state = model(y[:, :9], known=part(known, 0, 9), static=static)
    answers, _ = model(y[:, 9:], state, known=part(known, 9, T), static=static)
    model.zero_grad()
    answers.square().sum().backward()
    cut = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    model.zero_grad()
    model(y, known=known, static=static)[0][:, 9:].square().sum().backward()
    for one, other in zip(cut, (p.grad for p in model.parameters() if p.grad is not None), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-10)


def test_shifted_and_scaled_series():
    """Beyond the first steps a series that is shifted has its forecasts shifted; of one scaled, nearly scaled."""
    torch.manual_seed(0)
    model = ForecastModel("gru", horizon=4, width=8, segment=3, scaled=True).double()
    y = torch.randn(2, 400, 1).double()
    with torch.no_grad():
        answers, shifted = model(y)[0], model(y + 5)[0]
        torch.testing.assert_close(shifted, answers + 5, rtol=0, atol=1e-9)
        scaled = model(10 * y)[0]
    torch.testing.assert_close(scaled[:, -1], 10 * answers[:, -1], rtol=0, atol=0.1)


def test_longer_than_it_was_trained_for():
    """Beyond its horizon a model reads its own point forecasts, as by hand."""
    torch.manual_seed(0)
    model = ForecastModel("gru", horizon=2, width=8, segment=2, head="quantiles").double()
    y = torch.randn(1, 11, 1).double()
    found = model.forecast(model(y)[1], 5)
    read, by_hand = y, []
    for _ in range(3):
        last = model(read)[0][:, -1]
        by_hand.append(last)
        read = torch.cat([read, model.head.point(last)], 1)
    torch.testing.assert_close(found, torch.cat(by_hand, 1)[:, :5], rtol=0, atol=1e-12)


def test_longer_with_covariates_as_far_as_is_asked():
    """Known of five steps, with a horizon of two: what a sixth would be told changes nothing."""
    torch.manual_seed(0)
    model = ForecastModel("gru", horizon=2, width=8, segment=2, known=1).double()
    y, known = torch.randn(1, 11, 1).double(), torch.randn(1, 17, 1).double()
    found = model.forecast(model(y, known=known[:, :13])[1], 5, known=known[:, 11:16])
    read, by_hand = y, []
    for _ in range(3):
        by_hand.append(model(read, known=known[:, : read.shape[1] + 2])[0][:, -1])
        read = torch.cat([read, model.head.point(by_hand[-1])], 1)
    torch.testing.assert_close(found, torch.cat(by_hand, 1)[:, :5], rtol=0, atol=1e-12)


def test_saved_and_forked(tmp_path):
    torch.manual_seed(0)
    model = ForecastModel("lstm", horizon=4, width=8, segment=3).eval()
    model.save_pretrained(tmp_path / "model")
    again = ForecastModel.from_pretrained(tmp_path / "model")
    y = torch.randn(2, 10, 1)
    answers, state = model(y)
    assert torch.equal(again(y)[0], answers)
    save_state(tmp_path / "state.safetensors", state, model, position=10)
    same(load_state(tmp_path / "state.safetensors", again), state)
    both = fork(select(state, [1]), 2)
    going_on = model(torch.zeros(2, 1, 1), both)[0]
    assert torch.equal(going_on[0], going_on[1])


def test_what_does_not_fit():
    model = ForecastModel("gru", horizon=4, width=8, known=2)
    state = model.initial_state(2)
    for call, wanted in (
        (lambda: model(torch.zeros(2, 5)), "expected x of shape"),
        (lambda: model(torch.zeros(2, 5, 1)), r"known of shape \(2, 9, 2\), got None; known of the 5 steps"),
        (lambda: model(torch.zeros(2, 5, 1), known=torch.zeros(2, 5, 2)), r"\(2, 9, 2\), got \(2, 5, 2\)"),
        (lambda: model(torch.zeros(2, 5, 1), known=torch.zeros(2, 9, 2), static=torch.zeros(2, 1)), "static"),
        (lambda: model.forecast(state), r"known of shape \(2, 4, 2\), got None"),
        (lambda: model.forecast(state, 6, known=torch.zeros(2, 1, 2)), r"known of shape \(2, 6, 2\), got \(2, 1, 2\)"),
        (lambda: ForecastModel("gru", horizon=0), "horizon of 1 or more"),
        (lambda: ForecastModel("gru", head="normal"), "no head is named 'normal'"),
        (lambda: ForecastModel("gru", head=("quantiles", {"levels": [0.9, 0.1]})), "levels that rise"),
        (lambda: ForecastModel("gru", memory=1.0), "more than 1 step"),
    ):
        with pytest.raises(InputError, match=wanted):
            call()
