"""Echo states against reservoirpy with the same reservoir: every state, and the read-out of ridge regression."""
import numpy as np
import pytest
import torch
from reservoirpy.nodes import Reservoir, Ridge

from reprise.core.marks import NO_MARKS
from reprise.layers.nonlinear.dynamics.echo_state import EchoState

WIDTH, UNITS, T = 3, 40, 120


@pytest.mark.parametrize("leak", [1.0, 0.3])
def test_states_and_readout(leak, agree):
    ours = EchoState(WIDTH, UNITS, leak=leak).double()
    reservoir = Reservoir(UNITS, lr=leak, W=ours.W.numpy(), Win=ours.U.numpy(), bias=np.zeros(UNITS))
    x, target = torch.randn(2, T, WIDTH, dtype=torch.float64)
    want = torch.from_numpy(reservoir.run(x.numpy()))
    states, last = ours.recur(ours.project(x[None]), ours.initial_memory(1), NO_MARKS)
    agree("echo_state", "reservoirpy", "state", (states[0], last[0]), (want, want[-1]))

    readout = Ridge(ridge=1e-3)
    readout.fit(torch.cat([want, x], 1)[20:].numpy(), target[20:].numpy())
    ours.fit_readout(x[None], target[None], ridge=1e-3, washout=20)
    agree("echo_state", "reservoirpy", "forward", ours(x[None])[0][0],
          torch.from_numpy(readout.run(torch.cat([want, x], 1).numpy())))
