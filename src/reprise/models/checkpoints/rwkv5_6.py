"""RWKV-5 (Eagle) and RWKV-6 (Finch) as their author keeps them (BlinkDL/rwkv-5-world, BlinkDL/rwkv-6-world)."""
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from reprise.models.checkpoints.format import Config, Format
from reprise.models.checkpoints.rules import Rule, one_less, reshaped, same, stacked, transposed
from reprise.models.checkpoints.rwkv4 import FILE, around, recognised, stack_of

__all__ = ["RWKV5_FILE", "RWKV6_FILE"]

MATRICES = (("receptance",) * 2, ("key",) * 2, ("value",) * 2, ("gate",) * 2, ("output", "out"))


def _recognise5(weights: Mapping[str, Tensor]) -> dict[str, Any] | None:
    found = recognised(weights, "att.time_mix_g")
    return found and found | {"heads": len(weights["blocks.0.att.time_faaaa"])}


def _recognise6(weights: Mapping[str, Tensor]) -> dict[str, Any] | None:
    found = recognised(weights, "att.time_maa_w1")
    return found and found | {
        "heads": len(weights["blocks.0.att.time_faaaa"]), "mix_rank": weights["blocks.0.att.time_maa_w2"].shape[1],
        "decay_rank": weights["blocks.0.att.time_decay_w1"].shape[1]}


def _both(theirs: str, ours: str, heads: int) -> Iterator[Rule]:
    """What time mixing has in both generations."""
    for their, our in MATRICES:
        yield same(f"{theirs}{their}.weight", f"{ours}{our}.weight")
    for part, our in (("weight", "norm_scale"), ("bias", "norm_shift")):
        yield reshaped(f"{theirs}ln_x.{part}", ours + our, (-1,), (heads, -1))
    yield reshaped(theirs + "time_faaaa", ours + "bonus", (heads, -1), (heads, -1))


def _channel(theirs: str, ours: str) -> Iterator[Rule]:
    for name in ("receptance", "key", "value"):
        yield same(f"{theirs}{name}.weight", f"{ours}{name}.weight")


def _rules5(config: Config) -> Iterator[Rule]:
    yield from around(config, FILE)
    for i in range(config["num_hidden_layers"]):
        att, ffn, time, channel = (f"blocks.{i}.att.", f"blocks.{i}.ffn.", f"stack.blocks.{2 * i}.layer.",
                                   f"stack.blocks.{2 * i + 1}.layer.")
        yield from _both(att, time, config["heads"])
        yield stacked(tuple(f"{att}time_mix_{z}" for z in "rkvg"), time + "mu", (1, 1, -1))
        yield same(att + "time_decay", time + "decay")
        yield from _channel(ffn, channel)
        yield stacked(tuple(f"{ffn}time_mix_{z}" for z in "rk"), channel + "mu", (1, 1, -1))


def _rules6(config: Config) -> Iterator[Rule]:
    yield from around(config, FILE)
    for i in range(config["num_hidden_layers"]):
        att, ffn, time, channel = (f"blocks.{i}.att.", f"blocks.{i}.ffn.", f"stack.blocks.{2 * i}.layer.",
                                   f"stack.blocks.{2 * i + 1}.layer.")
        yield from _both(att, time, config["heads"])
        yield stacked(tuple(f"{att}time_maa_{z}" for z in "xwkvrg"), time + "mu", (1, 1, -1))
        yield transposed(att + "time_maa_w1", time + "mix_down.weight")
        yield same(att + "time_maa_w2", time + "mix_up")
        yield transposed(att + "time_decay_w1", time + "decay_down.weight")
        yield transposed(att + "time_decay_w2", time + "decay_up.weight")
        yield reshaped(att + "time_decay", time + "decay_up.bias", (1, 1, -1))
        yield from _channel(ffn, channel)
        yield one_less(stacked(tuple(f"{ffn}time_maa_{z}" for z in "rk"), channel + "mu", (1, 1, -1)))


def _options5(config: Config) -> dict[str, Any]:
    return stack_of(config, ("rwkv5", {"heads": config["heads"]}), "rwkv4_channel")


def _options6(config: Config) -> dict[str, Any]:
    time = ("rwkv6", {name: config[name] for name in ("heads", "mix_rank", "decay_rank")})
    return stack_of(config, time, "rwkv4_channel")


RWKV5_FILE = Format("rwkv5 (.pth)", _options5, _rules5, recognise=_recognise5)
RWKV6_FILE = Format("rwkv6 (.pth)", _options6, _rules6, recognise=_recognise6)
