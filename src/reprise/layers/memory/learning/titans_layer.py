from typing import Any, NamedTuple

from reprise.bases.stepping import Stepping
from reprise.layers.memory.learning._persistent import PersistentAttention
from reprise.layers.memory.learning.titans_memory import TitansMemory

__all__ = ["TitansLayer"]


class State(NamedTuple):
    memory: Any
    attention: Any


class TitansLayer(Stepping[State]):
    """Titans with its memory as a layer: a network learns the past, and attention looks at its last few answers.

        m_t = titans_memory(x)_t;   y_t = attention of m_t to p_1 .. p_P, learned, and to m_{t-W+1} .. m_t

    Shapes   x (B T D) -> y (B T D);  memory: a network's, the last W - 1 keys and values (B W-1 H K), and a count (B)
    Cost     8 T D^2 + 4 T (2 W + P) D work, and that of titans_memory
    Source   Behrouz et al. 2025, arXiv:2501.00663, sec. 4.3   (behrouz2025titans)
    Differs  as titans_memory; keys turn with position; the learned tokens stand before what attention sees, not before
        what the memory reads, whose first weights are learned instead
    """

    def __init__(
        self, width: int, heads: int | None = None, depth: int = 2, expand: int = 2, chunk: int = 16,
        window: int = 64, persistent: int = 4,
    ):
        super().__init__()
        self.width = width
        self.memory = TitansMemory(width, heads, depth, expand, chunk)
        self.attention = PersistentAttention(width, heads, window, persistent)

    def initial_state(self, batch):
        return State(self.memory.initial_state(batch), self.attention.initial_state(batch))

    def run(self, x, state, marks):
        answers, memory = self.memory.run(x, state.memory, marks)
        y, attention = self.attention.run(answers, state.attention, marks)
        return y, State(memory, attention)
