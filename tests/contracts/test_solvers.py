"""Every law on cells that are solved by Newton's iteration, and the keyword that asks for it."""
import json

import pytest
import torch
from torch import nn

from reprise import LanguageModel, create_layer, layer_info
from reprise.bases import cell
from reprise.bases.cell import Cell
from reprise.core.errors import InputError
from reprise.models.stack import Stack
from reprise.ops import newton_scan
from reprise.testing.laws import checks, law_name

DIAGONAL = ("newton", {"jacobian": "diagonal"})


class Own(Cell):
    """A cell that knows nothing of solvers."""

    def __init__(self, width: int, move: float = 0.5):
        super().__init__(width, memory_shape=(width,))
        self.move, self.around = move, nn.Linear(width, width)

    def advance(self, p, h):
        return h + self.move * (torch.tanh(p + self.around(h)) - h)


class Plain(Cell):
    """A cell without a constructor."""

    def advance(self, p, h):
        return torch.tanh(p + h)


def build(name, solver, width=4):
    torch.manual_seed(0)
    return (Own(width, solver=solver) if name == "own" else create_layer(name, width, solver=solver)).double()


@pytest.mark.parametrize("check", checks(), ids=law_name)
@pytest.mark.parametrize(("name", "solver"), [("elman", "newton"), ("gru", DIAGONAL), ("lstm", "newton"),
                                              ("own", "newton")], ids=lambda x: x if isinstance(x, str) else "diagonal")
def test_law(name, solver, check):
    check(build(name, solver))


@pytest.mark.parametrize("name", ["elman", "gru", "lstm", "own"])
def test_the_solver_runs_and_no_loop_does(name, monkeypatch):
    layer, x = build(name, "newton"), torch.randn(2, 9, 4, dtype=torch.float64)
    want = build(name, None)(x)[0]
    monkeypatch.setattr(type(layer), "recur", lambda *given: pytest.fail("the loop ran"))
    torch.testing.assert_close(layer(x)[0], want)


def test_where_it_does_not_converge_the_cells_own_loop_runs(monkeypatch):
    layer, x = build("gru", ("newton", {"limit": 1})), torch.randn(2, 70, 4, dtype=torch.float64)
    with pytest.warns(RuntimeWarning, match="after 1 iterations"):
        y, _ = layer(x)
    assert torch.equal(y, build("gru", None)(x)[0])


def test_the_choice_is_an_option_of_every_cell():
    assert layer_info("gru").options["solver"] is None and "solver" not in layer_info("mingru").options
    layer = create_layer("elman", 4, solver=DIAGONAL)
    assert layer.options == {"width": 4, "solver": DIAGONAL}
    assert layer.solver == cell.Newton("diagonal")
    again = type(layer)(**json.loads(json.dumps(layer.options)))
    assert again.solver == layer.solver
    assert Own(4, 0.2, solver="newton").options == {"width": 4, "move": 0.2, "solver": "newton"}
    assert Plain(4, (4,), solver="newton").solver == cell.Newton() and Plain(4, (4,)).solver is None


def test_parameters_and_states_are_the_same():
    loop, newton = (create_layer("gru", 4, solver=solver).double() for solver in (None, "newton"))
    newton.load_state_dict(loop.state_dict())
    x = torch.randn(2, 30, 4, dtype=torch.float64)
    state = loop(x[:, :10])[1]
    torch.testing.assert_close(newton(x[:, 10:], state), loop(x[:, 10:], state))


def test_it_survives_a_stack_and_a_file(tmp_path):
    model = LanguageModel(layers=[("gru", {"solver": list(DIAGONAL)}), "mingru"], width=4, vocabulary=11)
    model.save_pretrained(tmp_path)
    layer = LanguageModel.from_pretrained(tmp_path).stack.blocks[0].layer
    assert layer.solver == cell.Newton("diagonal")
    assert Stack(["gru"], 4).blocks[0].layer.solver is None


@pytest.mark.parametrize(("solver", "message"), [
    ("newtn", r"GRU: expected a solver as 'newton', .* got 'newtn'"),
    (("newton", {"jacobain": "full"}), r"GRU: newton has no option 'jacobain'; did you mean 'jacobian'"),
    (("newton", {"jacobian": "whole"}), r"no jacobian is named 'whole'"), (("newton",), r"got \('newton',\)")])
def test_errors_say_how_to_ask(solver, message):
    with pytest.raises(InputError, match=message):
        create_layer("gru", 4, solver=solver)


def test_a_single_step_needs_no_solver(monkeypatch):
    layer, x = build("gru", "newton"), torch.randn(2, 4, dtype=torch.float64)
    want = build("gru", None).step(x, layer.initial_state(2))
    monkeypatch.setattr(newton_scan, "_solve", lambda *given: pytest.fail("Newton's iteration ran"))
    got = layer.step(x, layer.initial_state(2))
    torch.testing.assert_close(got, want, rtol=0, atol=0)
