"""The laws have teeth: each planted bug breaks the law that is named for it."""
from typing import ClassVar

import pytest
import torch
from torch.nn.functional import pad

from reprise.core.state import map_state
from reprise.layers.convolution.short_convolution import ShortConvolution
from reprise.layers.linear.mingru import MinGRU
from reprise.layers.linear.rg_lru import RGLRU
from reprise.layers.memory.gated_deltanet import GatedDeltaNet
from reprise.layers.memory.retnet import RetNet
from reprise.layers.nonlinear.gru import GRU
from reprise.testing import laws
from reprise.testing.prove import Broken, prove


class LooksAhead(MinGRU):
    def project(self, x):
        return super().project(x.roll(-1, 1))


class DropsTheInitialState(MinGRU):
    def run(self, x, state, marks):
        return super().run(x, self.initial_state(len(x)), marks)


class LosesTheConvolutionAtASplit(RGLRU):
    def run(self, x, state, marks):
        return super().run(x, state._replace(local=map_state(torch.zeros_like, state.local)), marks)


class LosesTheScanAtASplit(MinGRU):
    def recur(self, p, memory, marks):
        read, memory = super().recur(p, memory, marks)
        return read, torch.zeros_like(memory)


class KeepsTooShortATail(ShortConvolution):
    def recur(self, p, memory, marks):
        return super().recur(p, memory, marks)[0], pad(p, (0, 0, 3, 0))[:, -3:].to(memory.dtype)


class MixesRows(GatedDeltaNet):
    def project(self, x, u):
        return super().project(x, u - u.mean(0))


class WritesInPlace(MinGRU):
    def recur(self, p, memory, marks):
        read, memory[:] = super().recur(p, memory, marks)
        return read, memory


class IgnoresResets(RetNet):
    def recur(self, p, memory, marks):
        return super().recur(p, memory, marks._replace(fresh=None))


class ConvolvesAcrossResets(RGLRU):
    def run(self, x, state, marks):
        u, local = self.local.run(x, state.local, marks._replace(fresh=None))
        read, memory = self.recur(self.project(x, u), state.memory, marks)
        return self.readout(read, x, u), state._replace(local=local, memory=memory)


class DecaysAtPadding(RetNet):
    def recur(self, p, memory, marks):
        q, k, v = p
        return super().recur((q, marks.pad(k, 0.0), v), memory, marks._replace(real=None))


class ReadsPadding(MinGRU):
    def forward(self, x, state=None, *, lengths=None, resets=None):
        y, end = super().forward(x, state, lengths=lengths, resets=resets)
        return y + 0 * x.sum(), end


class ZeroesOneRow(MinGRU):
    def recur(self, p, memory, marks):
        read, memory = super().recur(p, memory, marks)
        keep = torch.ones((*read.shape[:2], 1), dtype=read.dtype)
        if read.shape[1] == 65:
            keep[1, 40] = 0
        return read * keep, memory


class ZeroesOneRowInSinglePrecision(ZeroesOneRow):
    def recur(self, p, memory, marks):
        right = MinGRU.recur(self, p, memory, marks)
        return super().recur(p, memory, marks) if memory.dtype == torch.float32 else right


class SkipsTheLastChunk(MinGRU):
    def recur(self, p, memory, marks):
        (a, b), whole = p, p[0].shape[1] // 16 * 16
        if a.shape[1] <= 16 or whole == a.shape[1]:
            return super().recur(p, memory, marks)
        read, memory = super().recur((a[:, :whole], b[:, :whole]), memory, marks._replace(real=None, fresh=None))
        return torch.cat([read, read[:, -1:].expand(-1, a.shape[1] - whole, -1)], 1), memory


class CutsTheGradient(GRU):
    def recur(self, p, memory, marks):
        return super().recur(p, memory.detach(), marks)


class GrowsItsState(MinGRU):
    def run(self, x, state, marks):
        y, end = super().run(x, state._replace(local=()), marks)
        return y, end._replace(local=(x,))


class ForgetsItsDevice(MinGRU):
    def initial_memory(self, batch):
        return torch.zeros(batch, self.width, dtype=torch.float64)


class FreezesAParameter(MinGRU):
    def project(self, x):
        self.gate.weight.requires_grad_(True)
        z = torch.sigmoid(x @ self.gate.weight.detach().T + self.gate.bias)
        return 1 - z, z * self.candidate(x)


PLANTED = {
    LooksAhead: laws.check_output_sees_its_row_and_past_only,
    DropsTheInitialState: laws.check_any_split_is_the_whole,
    LosesTheConvolutionAtASplit: laws.check_any_split_is_the_whole,
    LosesTheScanAtASplit: laws.check_any_split_is_the_whole,
    KeepsTooShortATail: laws.check_forward_is_repeated_step,
    MixesRows: laws.check_output_sees_its_row_and_past_only,
    WritesInPlace: laws.check_state_is_not_mutated,
    IgnoresResets: laws.check_resets_are_separate_sequences,
    ConvolvesAcrossResets: laws.check_resets_are_separate_sequences,
    DecaysAtPadding: laws.check_lengths_are_separate_sequences,
    ReadsPadding: laws.check_padding_is_never_read,
    ZeroesOneRow: laws.check_forward_is_repeated_step,
    ZeroesOneRowInSinglePrecision: laws.check_float32_is_as_good_as_the_loop,
    SkipsTheLastChunk: laws.check_forward_is_repeated_step,
    CutsTheGradient: laws.check_any_split_is_the_whole,
    GrowsItsState: laws.check_state_size_does_not_grow,
    ForgetsItsDevice: laws.check_runs_where_its_parameters_are,
    FreezesAParameter: laws.check_everything_learns,
}


@pytest.mark.parametrize(("broken", "law"), PLANTED.items(), ids=lambda x: x.__name__)
def test_planted_bug_is_caught(broken, law):
    torch.manual_seed(0)
    with pytest.raises(AssertionError):
        law(broken(4).double())


def test_the_first_bad_position_is_reported():
    torch.manual_seed(0)
    with pytest.raises(AssertionError, match=r"y \(T=65\): 1 of 130 rows are off, the first at \(1, 40\)"):
        laws.check_forward_is_repeated_step(ZeroesOneRow(4).double())


def test_proof_compiles_a_report_of_every_law():
    findings = prove(MinGRU(4))
    assert [f.law for f in findings] == [laws.law_name(check) for check in laws.checks()]
    assert {f.verdict for f in findings} == {"holds"}
    with pytest.raises(Broken, match=r"breaks .* laws:") as caught:
        prove(DropsTheInitialState(4))
    broken = {f.law for f in caught.value.findings if f.verdict == "fails"}
    assert "any_split_is_the_whole" in broken and "errors_say_what_to_do" not in broken


def test_a_stale_excuse_is_a_failure():
    class Excused(MinGRU):
        excused: ClassVar = {"any_split_is_the_whole": "an excuse for something that holds"}

    with pytest.raises(Broken, match="excused, but it holds"):
        prove(Excused(4))


def test_errors_say_that_only_layers_can_be_proved():
    with pytest.raises(TypeError, match="a ChannelMixer or a StructureEncoder, got Linear"):
        prove(torch.nn.Linear(4, 4))
