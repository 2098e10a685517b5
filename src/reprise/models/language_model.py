"""A language model, of bytes or of any vocabulary: an embedding, a stack of any layers, a projection to logits."""
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float, Integer
from torch import Tensor, nn

from reprise.core.errors import InputError, suggest
from reprise.core.marks import WHOLE
from reprise.core.modes import undisturbed
from reprise.models.norms import create_norm
from reprise.models.patterns import expand
from reprise.models.pretrained import RESERVED, Pretrained, refuse_reserved
from reprise.models.sampling import Sampler
from reprise.models.stack import Spec, Stack
from reprise.models.tokens import TOKENS, Bytes, Tokeniser, read_tokeniser

__all__ = ["LanguageModel"]

Text = str | bytes | bytearray
BYTES = 256
SIGNS = "start", "ends"  # of the tokeniser, in what is saved
ENDS = {"tied": False, "embedding_norm": False, "embedding_scale": 1.0, "soft_cap": None}
EVERYTHING = Sampler()  # each token as likely as the model says


class LanguageModel(Pretrained):
    """Predicts the next token, a byte if not said otherwise; carries its state like any layer.

    layers: the name of one, `depth` times, or of a published pattern, repeated up to the depth (models/patterns.py); or
    a list of names (or of (name, options)) for a hybrid.
    channel: the channel mixer of every block, None for none.   norm: "rms", "layer", or either with its eps.
    ends: what published models have at either end of the stack, in a dictionary: `tied` (one matrix embeds and
    predicts), `embedding_norm` (a norm after the embedding), `embedding_scale` (a factor there), `soft_cap` (logits
    bent to stay below it).
    tokeniser, an attribute: what turns text into tokens and back; None where only tokens are known.

    >>> model = LanguageModel("mingru", width=16, depth=2)
    >>> logits, state = model(torch.tensor([list(b"state")]))
    >>> logits.shape
    torch.Size([1, 5, 256])
    """

    tokeniser: Tokeniser | None

    def __init__(self, layers: str | Sequence[Spec], width: int = 256, depth: int = 4, channel: Spec | None = "glu",
                 dropout: float = 0.0, vocabulary: int = BYTES, norm: Spec = "rms", ends: dict[str, Any] | None = None):
        super().__init__()
        ends = _checked(ends)
        specs = expand(layers, depth) if isinstance(layers, str) else list(layers)
        stack = Stack(specs, width, channel, dropout, norm)
        self.vocabulary = vocabulary
        self.tokeniser = Bytes() if vocabulary == BYTES else None
        self.embedding = nn.Embedding(vocabulary, width)
        self.embedding_norm = create_norm(norm, width) if ends["embedding_norm"] else None
        self.embedding_scale, self.soft_cap = ends["embedding_scale"], ends["soft_cap"]
        self.stack = stack
        self.norm = create_norm(norm, width)
        self.head = None if ends["tied"] else nn.Linear(width, vocabulary, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.02)
        if self.head is not None:
            nn.init.normal_(self.head.weight, std=0.02)

    def initial_state(self, batch: int) -> Any:
        return self.stack.initial_state(batch)

    def forward(
        self, tokens: Integer[Tensor, "B T"], state: Any = None, *,
        lengths: Integer[Tensor, "B"] | None = None, resets: Bool[Tensor, "B T"] | None = None,
    ) -> tuple[Float[Tensor, "B T V"], Any]:
        """Logits for the token after each one, and the state after each row's last; arguments as of any layer."""
        self._check(tokens)
        y, state = self.stack(self._embed(tokens), state, lengths=lengths, resets=resets)
        return self._logits(y), state

    def step(self, token: Integer[Tensor, "B"], state: Any) -> tuple[Float[Tensor, "B V"], Any]:
        """The same function, one token at a time."""
        if not isinstance(token, Tensor) or token.ndim != 1 or token.dtype not in WHOLE:
            raise InputError(f"LanguageModel.step: expected one whole token a row, of shape (B,), got {_said(token)}; "
                             "call the model itself for tokens (B, T)")
        y, state = self.stack.step(self._embed(token), state)
        return self._logits(y), state

    def generate(
        self, prompts: Text | Sequence[Text], length: int, *, temperature: float = 1.0, top_k: int | None = None,
        top_p: float = 1.0, seed: int | Sequence[int] = 0,
    ) -> list[bytes]:
        """What follows each prompt: `length` tokens a row (bytes, if not said otherwise), without the prompt.

        In float32 a row is what it would be alone: its own length, its own generator, seeded with `seed` (or its own
        seed); in bfloat16 rounding depends on the batch. Where the tokeniser knows tokens that end a text, a row ends
        at the first of them.
        """
        encoded = self._encode(prompts)
        drawn = list(self._drawn(encoded, length, Sampler(temperature, top_k, top_p), seed))
        rows = zip(*drawn, strict=True) if drawn else [()] * len(encoded)
        return [self.tokeniser.decode(self._until_end(row)) for row in rows]

    def stream(self, prompt: Text, length: int, sampler: Sampler = EVERYTHING, seed: int = 0) -> Iterator[bytes]:
        """One token's bytes at a time, as soon as it is drawn; a character may be divided among tokens."""
        for (token,) in self._drawn(self._encode(prompt), length, sampler, seed):
            if token in self.tokeniser.ends:
                return
            yield self.tokeniser.decode([token])

    def save_pretrained(self, folder: str | Path, **about: Any) -> Path:
        """Write weights, configuration and tokeniser, with whatever is said `about` it (plain JSON)."""
        refuse_reserved(about, (*RESERVED, *SIGNS))
        tokeniser, folder = self.tokeniser, Path(folder)
        if tokeniser is not None:
            tokeniser.save(folder)
            if not isinstance(tokeniser, Bytes):
                about = about | {"start": tokeniser.start, "ends": sorted(tokeniser.ends)}
        return super().save_pretrained(folder, **about)

    def beside_weights(self, folder: Path, about: dict[str, Any]) -> None:
        if set(SIGNS) <= about.keys():  # a vocabulary was saved too; one that lies there for another reason is not ours
            self.tokeniser = read_tokeniser(folder, about["start"], about["ends"]) or self.tokeniser

    @torch.no_grad()
    def _drawn(
        self, prompts: list[list[int]], length: int, sampler: Sampler, seed: int | Sequence[int],
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
        generators, modules = [torch.Generator().manual_seed(s) for s in seeds], list(self.modules())
        going, token, state = set(range(len(prompts))), None, None
        for _ in range(length):
            with undisturbed(modules):  # a row depends on nothing but itself and its seed
                logits, state = self._read(prompts) if token is None else self.step(token, state)
            token = sampler(logits, generators)
            yield (drawn := token.tolist())
            going -= {row for row in going if drawn[row] in self.tokeniser.ends}
            if not going:
                return

    def _until_end(self, tokens: Sequence[int]) -> list[int]:
        end = next((i for i, token in enumerate(tokens) if token in self.tokeniser.ends), len(tokens))
        return list(tokens[:end])

    def _read(self, prompts: list[list[int]]) -> tuple[Tensor, Any]:
        """Logits after each prompt, and the state there."""
        device = self.embedding.weight.device
        lengths, longest = torch.tensor([len(p) for p in prompts], device=device), max(map(len, prompts))
        padded = [p + [0] * (longest - len(p)) for p in prompts]
        tokens = torch.tensor(padded, dtype=torch.long, device=device)
        y, state = self.stack(self._embed(tokens), lengths=lengths)
        last = y[torch.arange(len(prompts), device=device), lengths - 1]
        return self._logits(last), state  # of one step alone: with a large vocabulary all would not fit

    def _encode(self, prompts: Text | Sequence[Text]) -> list[list[int]]:
        """An empty prompt reads one token (of bytes, a line end), so that there is something to go on from."""
        if self.tokeniser is None:
            raise InputError(f"generate: this model knows {self.vocabulary} tokens, and no vocabulary stood beside its "
                             f"weights; put {' or '.join(TOKENS)} there and load it again, set its `tokeniser`, or "
                             "draw with `step` and a Sampler")
        prompts = [prompts] if isinstance(prompts, Text) else prompts
        if not isinstance(prompts, list | tuple) or not all(isinstance(p, Text) for p in prompts):
            raise InputError(f"generate: expected a text or a list of texts (str or bytes), got {prompts!r:.80}")
        try:
            texts = [p.encode() if isinstance(p, str) else bytes(p) for p in prompts]
        except UnicodeEncodeError as error:
            raise InputError(f"generate: a prompt is no text in UTF-8 ({error.reason}); give it as bytes") from error
        return [self.tokeniser.encode(text) or [self.tokeniser.start] for text in texts]

    def _logits(self, y: Tensor) -> Tensor:
        y = self.norm(y)
        logits = nn.functional.linear(y, self.embedding.weight) if self.head is None else self.head(y)
        return logits if self.soft_cap is None else self.soft_cap * torch.tanh(logits / self.soft_cap)

    def _embed(self, tokens: Tensor) -> Tensor:
        try:
            x = self.embedding(tokens.long())
        except IndexError as error:  # on the CPU; looking before would cost a GPU its queue
            raise InputError(f"LanguageModel: expected tokens from 0 to {self.vocabulary - 1}, "
                             f"got {int(tokens.min())} to {int(tokens.max())}") from error
        if self.embedding_scale != 1:
            x = x * self.embedding_scale
        return x if self.embedding_norm is None else self.embedding_norm(x)

    def _check(self, tokens: Tensor) -> None:
        if not isinstance(tokens, Tensor):
            raise InputError(f"LanguageModel: expected a tensor of tokens (B, T), got a {type(tokens).__name__}; "
                             "give torch.tensor([list(b'text')])")
        if tokens.ndim != 2 or tokens.dtype not in WHOLE:
            raise InputError(f"LanguageModel: expected whole tokens of shape (B, T), "
                             f"got {_said(tokens)}; give torch.tensor([list(b'text')])")


def _said(tokens: object) -> str:
    return f"{tokens.dtype} {tuple(tokens.shape)}" if isinstance(tokens, Tensor) else f"a {type(tokens).__name__}"


def _checked(ends: dict[str, Any] | None) -> dict[str, Any]:
    """What is given, and what models have at their ends where nothing is."""
    ends = {} if ends is None else ends
    if unknown := ends.keys() - ENDS.keys():
        name = min(unknown)
        raise InputError(f"LanguageModel: ends know no {name!r}{suggest(name, ENDS)}")
    for name in ("embedding_scale", "soft_cap"):
        number = ends.get(name, ENDS[name])
        if number is None and ENDS[name] is None:
            continue
        if not (isinstance(number, int | float) and 0 < number < math.inf):
            raise InputError(f"LanguageModel: expected ends[{name!r}] to be a number above 0, got {number!r}; "
                             f"leave it out for {ENDS[name]}")
    return ENDS | ends
