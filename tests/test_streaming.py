"""A million bytes through one carried state, chunk by chunk and step by step: one function, in memory that is flat."""
import gc
from pathlib import Path

import pytest
import torch

from reprise import create_layer
from reprise.core.state import named_tensors
from reprise.testing.rows import assert_rows_agree
from reprise.testing.ways import tensors

LAYERS = ["elman", "gru", "lstm", "mingru", "minlstm", "lru", "hgrn", "rg_lru", "mamba", "retnet", "gated_deltanet",
          "rwkv7"]
BYTES, CHUNK, WIDTH = 1_000_000, 4096, 8
GROWTH = 16_000_000  # one more kept number of each step would be 8 MB, and one kept tensor 400 MB
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
    (outputs, end), (stepped, stepped_end) = by_chunks(layer, *stream), by_steps(layer, *stream)
    assert_rows_agree(stepped, outputs, name)
    for (part, got), want in zip(named_tensors(stepped_end), tensors(end), strict=True):
        assert_rows_agree(got, want, f"{name} at the end, {part}")
    assert [s.shape for s in tensors(end)] == [s.shape for s in tensors(layer.initial_state(1))], "the state has grown"
    assert all(s.isfinite().all() for s in tensors(end))


def by_chunks(layer, text, table):
    outputs, state, resident = room(), None, 0
    for first in range(0, BYTES, CHUNK):
        y, state = layer(table[text[first : first + CHUNK].long()][None], state)
        outputs[first : first + CHUNK] = y[0]
        resident = resident or resident_bytes()
    assert_flat(resident, resident_bytes())
    return outputs, state


def by_steps(layer, text, table):
    state, resident = layer.initial_state(1), 0
    outputs, rows = room(), [row[None] for row in table]
    for i, byte in enumerate(text.tolist()):
        y, state = layer.step(rows[byte], state)
        outputs[i] = y[0]
        if i == 1000:
            resident = resident_bytes()
    assert_flat(resident, resident_bytes())
    return outputs, state


def room():
    """For all outputs, and written to: the system gives memory out only then."""
    return torch.full((BYTES, WIDTH), torch.nan, dtype=torch.float64)


def assert_flat(before, after):
    assert after - before < GROWTH, f"memory grew by {(after - before) / 1e6:.0f} MB"


def resident_bytes():
    """What this process holds; 0 where the system does not say."""
    gc.collect()
    return int(STATM.read_text().split()[1]) * 4096 if STATM.exists() else 0
