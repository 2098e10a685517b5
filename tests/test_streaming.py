"""A million bytes through one carried state, chunk by chunk and step by step: one function, in memory that is flat.

All of them go through `forward`. A step costs up to half a millisecond, whatever the width, so that a million take some
layers ten minutes: `step` runs over the first 100,000, and over the last 5,000 from the state that `forward` carried.
"""
import gc
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from reprise import create_layer
from reprise.core.state import named_tensors
from reprise.testing.rows import assert_rows_agree
from reprise.testing.ways import tensors

LAYERS = ["elman", "gru", "lstm", "mingru", "minlstm", "lru", "hgrn", "rg_lru", "mamba", "retnet", "gated_deltanet",
          "rwkv7"]
BYTES, EARLY, LATE, CHUNK, WIDTH = 1_000_000, 100_000, 995_000, 4096, 8
GROWTH = 16_000_000  # one kept output of each byte would be 64 MB, and one kept tensor of each step 45 MB
STATM = Path("/proc/self/statm")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stream():
    """Bytes in the order they come, and what each is embedded as."""
    generator = torch.Generator().manual_seed(0)
    text = torch.randint(256, (BYTES,), generator=generator, dtype=torch.uint8)
    return text, torch.randn(256, WIDTH, generator=generator, dtype=torch.float64)


@torch.no_grad()
@pytest.mark.parametrize("name", LAYERS)
def test_a_million_bytes(name, stream):
    layer = create_layer(name, WIDTH).double()
    outputs, states = by_chunks(layer, *stream)
    start = layer.initial_state(1)
    for first, last, state in ((0, EARLY, start), (LATE, BYTES, states[LATE])):
        stepped, end = by_steps(layer, *stream, first, last, state)
        assert_rows_agree(stepped, outputs[last], f"{name} from {first}")
        assert_alike(end, states[last], f"{name} at {last}")
    size = [s.shape for s in tensors(start)]
    assert all([s.shape for s in tensors(state)] == size for state in states.values()), "the state has grown"
    assert all(s.isfinite().all() for s in tensors(states[BYTES]))


def by_chunks(layer, text, table):
    """Outputs of the stretches that `step` will see, by where they end, and the states at all their ends."""
    outputs, states, state, resident = {EARLY: [], BYTES: []}, {}, None, {}
    for first, last in pairwise(sorted({*range(0, BYTES, CHUNK), EARLY, LATE, BYTES})):
        y, state = layer(table[text[first:last].long()][None], state)
        if last <= EARLY or first >= LATE:
            outputs[EARLY if last <= EARLY else BYTES].append(y[0])
        if last in (EARLY, LATE, BYTES):
            states[last], resident[last] = state, resident_bytes()
    assert_flat(resident[EARLY], resident[BYTES])
    return {end: torch.cat(parts) for end, parts in outputs.items()}, states


def by_steps(layer, text, table, first, last, state):
    """Output and state of every byte in turn."""
    outputs, resident = torch.zeros(last - first, WIDTH, dtype=torch.float64), 0
    for i, byte in enumerate(text[first:last].tolist()):
        y, state = layer.step(table[byte][None], state)
        outputs[i] = y[0]
        if i == 1000:
            resident = resident_bytes()
    assert_flat(resident, resident_bytes())
    return outputs, state


def assert_flat(before, after):
    assert after - before < GROWTH, f"memory grew by {(after - before) / 1e6:.0f} MB"


def assert_alike(got, want, name):
    for (part, a), b in zip(named_tensors(got), tensors(want), strict=True):
        assert_rows_agree(a, b, f"{name}, {part}")


def resident_bytes():
    """What this process holds; 0 where the system does not say."""
    gc.collect()
    return int(STATM.read_text().split()[1]) * 4096 if STATM.exists() else 0
