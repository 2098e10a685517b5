"""A byte-level language model: an embedding, a stack of any layers, a projection to 256 logits."""
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from reprise.core.errors import InputError
from reprise.models.pretrained import Pretrained
from reprise.models.sampling import Sampler
from reprise.models.stack import Spec, Stack

__all__ = ["LanguageModel"]

Text = str | bytes


class LanguageModel(Pretrained):
    """Predicts the next byte; carries its state like any layer.

    layers: the name of one, `depth` times, or a list of names (or of (name, options)) for a hybrid.
    channel: the channel mixer of every block, None for none.

    >>> model = LanguageModel("mingru", width=16, depth=2)
    >>> logits, state = model(torch.tensor([list(b"state")]))
    >>> logits.shape
    torch.Size([1, 5, 256])
    """

    def __init__(self, layers: str | Sequence[Spec], width: int = 256, depth: int = 4, channel: Spec | None = "glu",
                 dropout: float = 0.0, vocabulary: int = 256):
        super().__init__()
        names = [layers] * depth if isinstance(layers, str) else list(layers)
        self.vocabulary = vocabulary
        self.embedding = nn.Embedding(vocabulary, width)
        self.stack = Stack(names, width, channel, dropout)
        self.norm = nn.RMSNorm(width, eps=1e-6)
        self.head = nn.Linear(width, vocabulary, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02)
        nn.init.normal_(self.head.weight, std=0.02)

    def initial_state(self, batch: int) -> Any:
        return self.stack.initial_state(batch)

    def forward(
        self, tokens: Int[Tensor, "B T"], state: Any = None, *,
        lengths: Int[Tensor, "B"] | None = None, resets: Bool[Tensor, "B T"] | None = None,
    ) -> tuple[Float[Tensor, "B T V"], Any]:
        """Logits for the byte after each one, and the state after each row's last; arguments as of any layer."""
        self._check(tokens)
        y, state = self.stack(self.embedding(tokens), state, lengths=lengths, resets=resets)
        return self.head(self.norm(y)), state

    def step(self, token: Int[Tensor, "B"], state: Any) -> tuple[Float[Tensor, "B V"], Any]:
        """The same function, one byte at a time."""
        logits, state = self(token[:, None], state)
        return logits[:, 0], state

    def generate(self, prompts: Text | Sequence[Text], length: int, *, temperature: float = 1.0, top_k: int | None = None,
                 top_p: float = 1.0, seed: int | Sequence[int] = 0) -> list[bytes]:
        """What follows each prompt: `length` bytes a row, without the prompt.

        A row is what it would be alone: its own length, its own generator, seeded with `seed` (or its own seed).
        """
        sampler = Sampler(temperature, top_k, top_p)
        if length < 0:
            raise InputError(f"generate: expected a length of 0 or more bytes, got {length}")
        rows = list(self._drawn(self._encode(prompts), length, sampler, seed))
        return [bytes(row) for row in zip(*rows, strict=True)] if rows else [b""] * len(self._encode(prompts))

    def stream(self, prompt: Text, length: int, sampler: Sampler = Sampler(), seed: int = 0) -> Iterator[bytes]:
        """One byte at a time, as soon as it is drawn."""
        for (token,) in self._drawn(self._encode(prompt), length, sampler, seed):
            yield bytes([token])

    @torch.no_grad()
    def _drawn(self, prompts: list[bytes], length: int, sampler: Sampler, seed: int | Sequence[int]) -> Iterator[list[int]]:
        seeds = [seed] * len(prompts) if isinstance(seed, int) else list(seed)
        if len(seeds) != len(prompts):
            raise InputError(f"generate: {len(prompts)} prompts and {len(seeds)} seeds; give one seed, or one for each prompt")
        generators = [torch.Generator().manual_seed(s) for s in seeds]
        logits, state = self._read(prompts)
        for _ in range(length):
            token = sampler(logits, generators)
            yield token.tolist()
            logits, state = self.step(token, state)

    def _read(self, prompts: list[bytes]) -> tuple[Tensor, Any]:
        """Logits after each prompt, and the state there."""
        device = self.embedding.weight.device
        lengths = torch.tensor([len(p) for p in prompts], device=device)
        padded = [list(p.ljust(max(map(len, prompts)), b"\0")) for p in prompts]
        logits, state = self(torch.tensor(padded, dtype=torch.long, device=device), lengths=lengths)
        return logits[torch.arange(len(prompts), device=device), lengths - 1], state

    def _encode(self, prompts: Text | Sequence[Text]) -> list[bytes]:
        """An empty prompt reads one line end, so that there is something to go on from."""
        prompts = [prompts] if isinstance(prompts, Text) else prompts
        return [(p.encode() if isinstance(p, str) else bytes(p)) or b"\n" for p in prompts]

    def _check(self, tokens: Tensor) -> None:
        if tokens.ndim != 2 or tokens.is_floating_point() or tokens.dtype == torch.bool:
            raise InputError(f"LanguageModel: expected whole tokens of shape (B, T), got {tokens.dtype} {tuple(tokens.shape)}; "
                             "give torch.tensor([list(b'text')])")
