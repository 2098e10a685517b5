"""What a comparison is: everything that its numbers depend on, and nothing else."""
from dataclasses import dataclass

from reprise.app.process import cores
from reprise.core.errors import InputError
from reprise.data import open_corpus
from reprise.data.corpora.corpus import Corpus
from reprise.layers import list_channels
from reprise.models.patterns import expand

__all__ = ["DEFAULT_MODELS", "Settings"]

DEFAULT_MODELS = ("elman", "gru", "lstm", "mingru", "rg_lru", "gated_deltanet")


@dataclass(frozen=True)
class Settings:
    """One comparison. Times are seconds, lengths bytes."""

    data: tuple[str, ...] = ("python-stdlib",)
    models: tuple[str, ...] = DEFAULT_MODELS
    budget: float = 60.0  # of training, for each model and seed, at its measured speed
    seeds: int = 3
    width: int = 128
    depth: int = 2
    channel: str | None = "glu"
    batch: int = 8
    length: int = 128
    rate: float = 3e-3
    binary: bool = False
    device: str = "cpu"
    jobs: int = 0  # processes at once; 0 for one a core

    def __post_init__(self) -> None:
        for name in ("budget", "seeds", "width", "depth", "batch", "length", "rate"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name}: expected more than 0, got {getattr(self, name)}")
        if not self.models:
            raise InputError("models: expected at least one name, got none; see `reprise layers`")
        for model in self.models:
            expand(model, self.depth)
        if len(set(self.models)) < len(self.models):
            raise InputError(f"models: {', '.join(self.models)} names one twice; each is compared once")
        if self.channel is not None and self.channel not in list_channels():
            raise InputError(f"channel: expected one of {', '.join(list_channels())} or none, got {self.channel!r}")

    def corpus(self) -> Corpus:
        """The data, from the cache after the first time."""
        what = self.data[0] if len(self.data) == 1 else list(self.data)
        return open_corpus(what, allow_binary=self.binary)

    def workers(self) -> int:
        """Processes at once: a GPU serves one, each core of a CPU one."""
        return self.jobs or (cores() if self.device == "cpu" else 1)

    def threads(self) -> int:
        return max(cores() // self.workers(), 1)
