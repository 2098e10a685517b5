"""A byte-level language model: an embedding, a stack of any layers, a projection to 256 logits."""
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn

from reprise.core.errors import InputError
from reprise.core.marks import WHOLE
from reprise.models.pretrained import Pretrained
from reprise.models.sampling import Sampler
from reprise.models.stack import Spec, Stack

__all__ = ["LanguageModel"]

Text = str | bytes | bytearray
BYTES = 256
EVERYTHING = Sampler()  # each token as likely as the model says


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
                 dropout: float = 0.0, vocabulary: int = BYTES):
        super().__init__()
        stack = Stack([layers] * depth if isinstance(layers, str) else list(layers), width, channel, dropout)
        self.vocabulary = vocabulary
        self.embedding = nn.Embedding(vocabulary, width)
        self.stack = stack
        self.norm = nn.RMSNorm(width, eps=1e-6)
        self.head = nn.Linear(width, vocabulary, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02)
        nn.init.normal_(self.head.weight, std=0.02)

    def initial_state(self, batch: int) -> Any:
        return self.stack.initial_state(batch)

    def forward(
        self, tokens: Integer[Tensor, "B T"], state: Any = None, *,
        lengths: Integer[Tensor, "B"] | None = None, resets: Bool[Tensor, "B T"] | None = None,
    ) -> tuple[Float[Tensor, "B T V"], Any]:
        """Logits for the byte after each one, and the state after each row's last; arguments as of any layer."""
        self._check(tokens)
        y, state = self.stack(self._embed(tokens), state, lengths=lengths, resets=resets)
        return self.head(self.norm(y)), state

    def step(self, token: Integer[Tensor, "B"], state: Any) -> tuple[Float[Tensor, "B V"], Any]:
        """The same function, one byte at a time."""
        logits, state = self(token[:, None], state)
        return logits[:, 0], state

    def generate(
        self, prompts: Text | Sequence[Text], length: int, *, temperature: float = 1.0, top_k: int | None = None,
        top_p: float = 1.0, seed: int | Sequence[int] = 0,
    ) -> list[bytes]:
        """What follows each prompt: `length` bytes a row, without the prompt.

        A row is what it would be alone: its own length, its own generator, seeded with `seed` (or its own seed).
        """
        encoded = self._encode(prompts)
        drawn = list(self._drawn(encoded, length, Sampler(temperature, top_k, top_p), seed))
        return [bytes(row) for row in zip(*drawn, strict=True)] if drawn else [b""] * len(encoded)

    def stream(self, prompt: Text, length: int, sampler: Sampler = EVERYTHING, seed: int = 0) -> Iterator[bytes]:
        """One byte at a time, as soon as it is drawn."""
        for (token,) in self._drawn(self._encode(prompt), length, sampler, seed):
            yield bytes([token])

    @torch.no_grad()
    def _drawn(
        self, prompts: list[bytes], length: int, sampler: Sampler, seed: int | Sequence[int],
    ) -> Iterator[list[int]]:
        if isinstance(length, bool) or not isinstance(length, int) or length < 0:
            raise InputError(f"generate: expected a length of 0 or more bytes, got {length!r}")
        seeds = list(seed) if isinstance(seed, list | tuple) else [seed] * len(prompts)
        if wrong := [s for s in seeds if not isinstance(s, int) or abs(s) >= 2**63]:
            raise InputError(f"generate: expected whole seeds below 2**63, got {wrong[0]!r}")
        if len(seeds) != len(prompts):
            raise InputError(f"generate: {len(prompts)} prompts and {len(seeds)} seeds; give one seed, or one a prompt")
        if not prompts:
            return
        generators = [torch.Generator().manual_seed(s) for s in seeds]
        with self._undisturbed():
            logits, state = self._read(prompts)
        for _ in range(length):
            token = sampler(logits, generators)
            yield token.tolist()
            with self._undisturbed():
                logits, state = self.step(token, state)

    @contextmanager
    def _undisturbed(self) -> Iterator[None]:
        """Without dropout, also in the midst of training: a row depends on nothing but itself and its seed."""
        if not self.training:
            yield
            return
        self.eval()
        try:
            yield
        finally:
            self.train()

    def _read(self, prompts: list[bytes]) -> tuple[Tensor, Any]:
        """Logits after each prompt, and the state there."""
        device = self.embedding.weight.device
        lengths = torch.tensor([len(p) for p in prompts], device=device)
        padded = [list(p.ljust(max(map(len, prompts)), b"\0")) for p in prompts]
        logits, state = self(torch.tensor(padded, dtype=torch.long, device=device), lengths=lengths)
        return logits[torch.arange(len(prompts), device=device), lengths - 1], state

    def _encode(self, prompts: Text | Sequence[Text]) -> list[bytes]:
        """An empty prompt reads one line end, so that there is something to go on from."""
        if self.vocabulary != BYTES:
            raise InputError(f"generate: expected a model of {BYTES} bytes, this one knows {self.vocabulary} tokens; "
                             "draw with `step` and a Sampler")
        prompts = [prompts] if isinstance(prompts, Text) else prompts
        if not isinstance(prompts, list | tuple) or not all(isinstance(p, Text) for p in prompts):
            raise InputError(f"generate: expected a text or a list of texts (str or bytes), got {prompts!r:.80}")
        try:
            return [(p.encode() if isinstance(p, str) else bytes(p)) or b"\n" for p in prompts]
        except UnicodeEncodeError as error:
            raise InputError(f"generate: a prompt is no text in UTF-8 ({error.reason}); give it as bytes") from error

    def _embed(self, tokens: Tensor) -> Tensor:
        try:
            return self.embedding(tokens.long())
        except IndexError as error:  # on the CPU; looking before would cost a GPU its queue
            raise InputError(f"LanguageModel: expected tokens from 0 to {self.vocabulary - 1}, "
                             f"got {int(tokens.min())} to {int(tokens.max())}") from error

    def _check(self, tokens: Tensor) -> None:
        if not isinstance(tokens, Tensor):
            raise InputError(f"LanguageModel: expected a tensor of tokens (B, T), got a {type(tokens).__name__}; "
                             "give torch.tensor([list(b'text')])")
        if tokens.ndim != 2 or tokens.dtype not in WHOLE:
            raise InputError(f"LanguageModel: expected whole tokens of shape (B, T), "
                             f"got {tokens.dtype} {tuple(tokens.shape)}; give torch.tensor([list(b'text')])")
