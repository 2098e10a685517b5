"""RWKV-7: the port of flash-linear-attention (fla-hub/rwkv7-*, RWKV/RWKV7-*), and the author's own files (BlinkDL)."""
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor

from reprise.core.errors import InputError
from reprise.models.checkpoints.format import Config, Format
from reprise.models.checkpoints.rules import Rule, reshaped, same, stacked, transposed
from reprise.models.checkpoints.rwkv4 import EPS, around, recognised, stack_of

__all__ = ["RWKV7", "RWKV7_FILE"]

HEAD = 64  # as wide as heads are in every published model; the norm of a head has EPS so many times
LOW = (("w", "decay"), ("a", "rate"), ("g", "gate"), ("v", "share"))  # matrices of low rank, and their biases
PORT = {"emb": "model.embeddings", "blocks": "model.layers", "ln0": "pre_norm", "ln1": "attn_norm", "ln2": "ffn_norm",
        "ln_out": "model.norm", "head": "lm_head", "att": "attn", "receptance": "r_proj", "key": "k_proj",
        "value": "v_proj", "output": "o_proj", "ln_x": "g_norm"}
FILE = {name: name for name in PORT}  # what the author calls them
Shape = tuple[int, ...]
LowRank = Callable[[str, str, bool], Iterator[Rule]]


def _options(config: Config) -> dict[str, Any]:
    width, head = config["hidden_size"], config.get("head_dim", HEAD)
    ranks = {name: config[f"{name}_low_rank_dim"] for name in ("decay", "a", "gate", "v")}
    if not math.isclose(head * config.get("norm_eps", EPS), HEAD * EPS) or ranks["decay"] != ranks["a"]:
        raise InputError(f"{config.source}: RWKV-7 with heads of {head}, norm_eps={config.get('norm_eps', EPS)} and "
                         f"ranks {ranks}; reprise has it with {HEAD}, {EPS}, and one rank for decay and a")
    time = ("rwkv7", {"heads": width // head, "rank": ranks["decay"], "gate_rank": ranks["gate"],
                      "value_rank": ranks["v"]})
    return stack_of(config, time, "rwkv7_channel")


def _rules(config: Config, called: dict[str, str], vector: Shape, low: LowRank) -> Iterator[Rule]:
    heads = config["hidden_size"] // config.get("head_dim", HEAD)
    yield from around(config, called)
    for i in range(config["num_hidden_layers"]):
        theirs, time, channel = f"{called['blocks']}.{i}.", f"stack.blocks.{2 * i}.", f"stack.blocks.{2 * i + 1}."
        yield from _time(f"{theirs}{called['att']}.", time + "layer.", called, vector, heads)
        for name, our in LOW if i else LOW[:3]:  # the lowest layer has no values below it
            yield from low(f"{theirs}{called['att']}.{name}", f"{time}layer.{our}.", name != "g")
        yield reshaped(theirs + "ffn.x_k", channel + "layer.mu", vector)
        for name in ("key", "value"):
            yield same(f"{theirs}ffn.{name}.weight", f"{channel}layer.{name}.weight")


def _time(theirs: str, ours: str, called: dict[str, str], vector: Shape, heads: int) -> Iterator[Rule]:
    yield stacked(tuple(f"{theirs}x_{z}" for z in "rwkvag"), ours + "mu", (1, 1, -1))
    yield reshaped(theirs + "k_k", ours + "xi", vector)
    yield reshaped(theirs + "k_a", ours + "alpha", vector)
    yield same(theirs + "r_k", ours + "rho")
    for their, our in (("receptance",) * 2, ("key",) * 2, ("value",) * 2, ("output", "out")):
        yield same(f"{theirs}{called[their]}.weight", f"{ours}{our}.weight")
    for part, our in (("weight", "norm_scale"), ("bias", "norm_shift")):
        yield reshaped(f"{theirs}{called['ln_x']}.{part}", ours + our, (-1,), (heads, -1))


def _low_in_port(theirs: str, ours: str, bias: bool) -> Iterator[Rule]:
    yield same(f"{theirs}_lora.lora.0.weight", ours + "0.weight")
    yield same(f"{theirs}_lora.lora.2.weight", ours + "2.weight")
    if bias:
        yield same(f"{theirs}_lora.lora.2.bias", ours + "2.bias")


def _low_in_file(theirs: str, ours: str, bias: bool) -> Iterator[Rule]:
    yield transposed(theirs + "1", ours + "0.weight")
    yield transposed(theirs + "2", ours + "2.weight")
    if bias:
        yield reshaped(theirs + "0", ours + "2.bias", (1, 1, -1))


def _recognise(weights: Mapping[str, Tensor]) -> dict[str, Any] | None:
    found = recognised(weights, "att.r_k")
    if found is None:
        return None
    ranks = {name: weights[f"blocks.{i}.att.{z}1"].shape[1] for i, z, name in
             ((0, "w", "decay"), (0, "a", "a"), (0, "g", "gate"), (1, "v", "v")) if f"blocks.{i}.att.{z}1" in weights}
    head = weights["blocks.0.att.r_k"].shape[1]
    return found | {"head_dim": head, "norm_eps": HEAD * EPS / head} | {
        f"{name}_low_rank_dim": rank for name, rank in ({"v": None} | ranks).items()}


SETTLED = {"attn": None, "norm_first": True, "norm_bias": True, "hidden_act": "sqrelu", "tie_word_embeddings": False}
RWKV7 = Format("rwkv7", _options, lambda config: _rules(config, PORT, (-1,), _low_in_port), SETTLED)
RWKV7_FILE = Format("rwkv7 (.pth)", _options, lambda config: _rules(config, FILE, (1, 1, -1), _low_in_file),
                    unused=r"blocks\.0\.att\.v[012]", recognise=_recognise)
