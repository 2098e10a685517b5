from typing import Any, NamedTuple

from torch import nn
from torch.nn.functional import silu

from reprise.bases.stepping import Stepping
from reprise.layers.memory.learning._persistent import PersistentAttention
from reprise.layers.memory.learning.titans_memory import TitansMemory

__all__ = ["TitansGate"]


class State(NamedTuple):
    attention: Any
    memory: Any


class TitansGate(Stepping[State]):
    """Titans with its memory as a gate: attention to what is near, times what a network has learned of all before.

        a_t = attention of x_t to p_1 .. p_P, learned, and to x_{t-W+1} .. x_t;   m_t = titans_memory(x)_t
        y_t = norm(a_t) silu(norm(m_t))

    Shapes   x (B T D) -> y (B T D);  memory: the last W - 1 keys and values (B W-1 H K), a count (B), and a network's
    Cost     8 T D^2 + 4 T (2 W + P) D work, and that of titans_memory
    Source   Behrouz et al. 2025, arXiv:2501.00663, sec. 4.2   (behrouz2025titans)
    Differs  as titans_memory; keys turn with position; the paper's norm with learned weights is an RMS norm, and its
        nonlinearity, which it does not name, a SiLU on the memory's side
    """

    def __init__(
        self, width: int, heads: int | None = None, depth: int = 2, expand: int = 2, chunk: int = 16,
        window: int = 64, persistent: int = 4,
    ):
        super().__init__()
        self.width = width
        self.attention = PersistentAttention(width, heads, window, persistent)
        self.memory = TitansMemory(width, heads, depth, expand, chunk)
        self.attention_norm, self.memory_norm = (nn.RMSNorm(width, eps=1e-6) for _ in range(2))

    def initial_state(self, batch):
        return State(self.attention.initial_state(batch), self.memory.initial_state(batch))

    def run(self, x, state, marks):
        near, attention = self.attention.run(x, state.attention, marks)
        far, memory = self.memory.run(x, state.memory, marks)
        return self.attention_norm(near) * silu(self.memory_norm(far)), State(attention, memory)
