"""Layers by name: build one, list them, read what one is."""
import inspect
import re
from dataclasses import dataclass
from types import UnionType
from typing import Any, get_args, get_type_hints

from torch import nn

from reprise.core.errors import InputError, suggest
from reprise.core.layer import SequenceLayer
from reprise.core.registry import Registry
from reprise.core.state import growing, named_tensors
from reprise.core.structure import StructureEncoder

__all__ = [
    "LayerInfo", "channel_info", "create_channel", "create_encoder", "create_layer", "layer_info", "list_channels",
    "list_encoders", "list_layers",
]

FAMILIES = ("nonlinear", "linear", "memory", "attention", "convolution")
SEQUENCE = Registry("layer", [f"reprise.layers.{family}" for family in FAMILIES])
CHANNEL = Registry("channel mixer", ["reprise.layers.channel"])
STRUCTURE = Registry("structure encoder", ["reprise.layers.structure"])


@dataclass(frozen=True)
class LayerInfo:
    """What a layer's docstring and constructor say of it."""

    name: str
    family: str
    shelf: str  # the package within the family that holds it, "" for the family's own
    summary: str
    equations: str
    sections: dict[str, str]  # Shapes, Cost, Source, Differs
    options: dict[str, Any]  # keyword -> default, beyond the width
    excused: dict[str, str]  # law -> why it cannot be met

    @property
    def paper(self) -> str:
        """The first source, as authors and year: "Cho et al. 2014"."""
        return re.match(r".*?\d{4}", self.sections["Source"], re.S)[0]

    @property
    def year(self) -> int:
        return int(self.paper[-4:])

    @property
    def cost(self) -> str:
        """How work and depth grow, without what is said of it further."""
        return re.split("[;:]", " ".join(self.sections["Cost"].split()))[0]

    def state_size(self, width: int) -> int | None:
        """How many numbers a row of the state has at this width, a complex one counted twice; None where it grows."""
        state = create_layer(self.name, width).initial_state(1)
        if growing(state):
            return None
        return sum(s.numel() * (2 if s.is_complex() else 1) for _, s in named_tensors(state))


def create_layer(name: str, width: int, **options: Any) -> SequenceLayer:
    """A registered layer, (B T width) -> (B T width), with fresh parameters.

    Raises InputError for an unknown name or option (with the nearest right one) and for a width that does not fit.
    """
    return _build(SEQUENCE, name, width, options)


def create_channel(name: str, width: int, **options: Any) -> nn.Module:
    """A registered channel mixer, which sees one step at a time: (B T width) -> (B T width)."""
    return _build(CHANNEL, name, width, options)


def create_encoder(name: str, width: int, **options: Any) -> StructureEncoder:
    """A registered structure encoder, which makes one vector of many: (B N width) -> (B width)."""
    return _build(STRUCTURE, name, width, options)


def list_layers(pattern: str = "*") -> list[str]:
    """The names of all layers that match, such as `list_layers("*gru")`."""
    return SEQUENCE.names(pattern)


def list_channels(pattern: str = "*") -> list[str]:
    """The names of all channel mixers that match."""
    return CHANNEL.names(pattern)


def list_encoders(pattern: str = "*") -> list[str]:
    """The names of all structure encoders that match."""
    return STRUCTURE.names(pattern)


def layer_info(name: str) -> LayerInfo:
    """Equations, shapes, cost, source and options of a layer, read off its class."""
    return _info(name, SEQUENCE.get(name))


def channel_info(name: str) -> LayerInfo:
    """The same of a channel mixer, which has no state."""
    return _info(name, CHANNEL.get(name))


def _info(name: str, cls: type) -> LayerInfo:
    summary, _, rest = inspect.cleandoc(cls.__doc__).partition("\n")
    sections = dict(re.findall(r"^([A-Z]\w+)  +(\S.*(?:\n {4,}\S.*)*)", rest, re.M))
    equations = inspect.cleandoc(re.split(r"^[A-Z]\w+  +", rest, maxsplit=1, flags=re.M)[0].strip("\n"))
    family, *shelf = cls.__module__.split(".")[2:-1]  # of reprise.layers.FAMILY.SHELF.name
    return LayerInfo(name, family, ".".join(shelf), summary, equations, sections, _options(cls), dict(cls.excused))


def _build(registry: Registry, name: str, width: int, options: dict[str, Any]) -> Any:
    cls = registry.get(name)
    known = _options(cls)
    for option in options:
        if option not in known:
            raise InputError(f"{name} has no option {option!r}{suggest(option, known)}")
    if isinstance(width, bool) or not isinstance(width, int) or width < 1:
        raise InputError(f"{name}: expected a width of 1 or more, got {width!r}")
    for option, kind in get_type_hints(cls.__init__).items():
        if option in options and not _is_kind(options[option], kind):
            said = kind.__name__ if isinstance(kind, type) else kind
            raise InputError(f"{name}: expected {option} to be {said}, got {options[option]!r}")
    return cls(width, **options)


def _is_kind(value: Any, kind: Any) -> bool:
    """Whether a value is of an option's type, where that is made of classes; a whole number may stand for a float."""
    kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    if not all(isinstance(k, type) for k in kinds):
        return True
    if type(value) is bool:
        return bool in kinds
    return isinstance(value, (*kinds, int) if float in kinds else kinds)


def _options(cls: type) -> dict[str, Any]:
    """Keyword -> default of a constructor, beyond self and the width."""
    parameters = list(inspect.signature(cls).parameters.values())
    return {p.name: p.default for p in parameters[1:]}
