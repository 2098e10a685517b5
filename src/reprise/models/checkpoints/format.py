"""What a file of this folder says of its format."""
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from reprise.core.errors import InputError
from reprise.models.checkpoints.rules import Rule
from reprise.models.language_model import LanguageModel

__all__ = ["Config", "Format", "depth_of"]


class Config(Mapping[str, Any]):
    """A configuration as theirs is, whose entries are asked for by their names."""

    def __init__(self, source: str, entries: dict[str, Any]):
        self.source, self.entries = source, entries

    def __getitem__(self, name: str) -> Any:
        if name not in self.entries:
            raise InputError(f"{self.source}: the configuration has no {name!r}, which its model_type needs; "
                             "use another copy")
        return self.entries[name]

    def get(self, name: str, default: Any = None) -> Any:
        """What is said, or the default where nothing or null is."""
        value = self.entries.get(name)
        return default if value is None else value

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


@dataclass(frozen=True)
class Format:
    """One way in which models are published."""

    name: str  # the model_type in their config.json
    options: Callable[[Config], dict[str, Any]]  # those of LanguageModel
    rules: Callable[[Config], Iterable[Rule]]
    settled: dict[str, Any] = field(default_factory=dict)  # entries of which our modules know one value only
    unused: str = r"(?!)"  # a pattern of names that hold nothing of use
    recognise: Callable[[Mapping[str, Tensor]], dict[str, Any] | None] | None = None  # without config.json
    config: Callable[[LanguageModel], dict[str, Any] | None] | None = None  # None where the model is another
    transformers: str | None = None  # how its classes there begin


def depth_of(names: Iterable[str], prefix: str) -> int:
    """One more than the largest number that follows `prefix`."""
    found = [name.removeprefix(prefix).partition(".")[0] for name in names if name.startswith(prefix)]
    return 1 + max((int(n) for n in found if n.isdigit()), default=-1)
