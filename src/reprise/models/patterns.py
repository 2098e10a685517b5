"""Published hybrids: which layers follow one another, repeated up to the depth that is asked for."""
from dataclasses import dataclass
from typing import Any

from reprise.core.errors import InputError, suggest
from reprise.layers import layer_info, list_layers

__all__ = ["PATTERNS", "Pattern", "expand", "told_of"]

Spec = str | tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Pattern:
    """Layers that come again and again; channel mixers, norms and ends are the model's, not theirs."""

    summary: str
    layers: tuple[Spec, ...]
    source: str
    differs: str = "none"


WINDOW = ("local_attention", {"window": 2048, "rotary": 1.0, "out_bias": False})
PATTERNS = {
    "griffin": Pattern(
        "Griffin: two gated linear recurrences, then attention to the last 1024 steps.",
        ("rg_lru", "rg_lru", "local_attention"), "De et al. 2024, arXiv:2402.19427, sec. 2.3",
        "its channel mixer is geglu, its embedding tied and scaled"),
    "samba": Pattern(
        "Samba: Mamba and attention to the last 2048 steps in turn.",
        ("mamba", WINDOW), "Ren et al. 2024, arXiv:2406.07522, sec. 2", "all heads share their keys and values"),
    "jamba": Pattern(
        "Jamba: seven Mamba layers to one of full attention, which knows no positions, in the middle of each eight.",
        (*["mamba"] * 4, ("full_attention", {"rotary": 0.0}), *["mamba"] * 3),
        "Lieber et al. 2024, arXiv:2403.19887, sec. 2-3",
        "one channel mixer where every other layer of theirs has experts; no norms inside Mamba"),
    "xlstm_7_1": Pattern(
        "xLSTM[7:1]: seven mLSTM layers to one sLSTM.",
        (*["mlstm"] * 7, "slstm"), "Beck et al. 2024, arXiv:2405.04517, sec. 2.4",
        "sLSTM closes every eight, where the paper puts its few at places of their own; the channel mixer is the "
        "same everywhere, where mLSTM has none"),
    "gated_deltanet_h1": Pattern(
        "Gated DeltaNet-H1: Gated DeltaNet and attention to the last 2048 steps in turn.",
        ("gated_deltanet", WINDOW), "Yang et al. 2024, arXiv:2412.06464, sec. 3",
        "all heads share their keys and values"),
    "gated_deltanet_h2": Pattern(
        "Gated DeltaNet-H2: Mamba-2, Gated DeltaNet and attention to the last 2048 steps in turn.",
        ("mamba2", "gated_deltanet", WINDOW), "Yang et al. 2024, arXiv:2412.06464, sec. 3",
        "all heads share their keys and values"),
}


def expand(name: str, depth: int) -> list[Spec]:
    """`depth` layers of that name, or of the pattern of that name. Raises InputError where there is neither."""
    if name in PATTERNS:
        layers = PATTERNS[name].layers
        return [layers[i % len(layers)] for i in range(depth)]
    if name not in (known := list_layers()):
        raise InputError(f"no layer is named {name!r}{suggest(name, [*known, *PATTERNS])}")
    return [name] * depth


def told_of(name: str) -> tuple[str, str]:
    """The family and a line on what it is, for a layer or a pattern, which is of the family "hybrid"."""
    if name in PATTERNS:
        return "hybrid", PATTERNS[name].summary
    info = layer_info(name)
    return info.family, info.summary
