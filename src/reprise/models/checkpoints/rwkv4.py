"""RWKV-4: the transformers port (RWKV/rwkv-4-*), and the author's own files (BlinkDL/rwkv-4-*)."""
from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor

from reprise.models.checkpoints.format import Config, Format, depth_of
from reprise.models.checkpoints.rules import Rule, same, stacked
from reprise.models.language_model import LanguageModel

__all__ = ["EPS", "FILE", "RWKV4", "RWKV4_FILE", "around", "recognised", "stack_of"]

EPS = 1e-5  # in every published RWKV, and fixed for the last norm
PORT = {"emb": "rwkv.embeddings", "blocks": "rwkv.blocks", "ln0": "pre_ln", "ln1": "ln1", "ln2": "ln2",
        "ln_out": "rwkv.ln_out", "head": "head", "att": "attention", "ffn": "feed_forward",
        "r": "receptance", "k": "key", "v": "value"}
FILE = {name: name for name in PORT}  # what the author calls them


def stack_of(config: Config, time: Any, channel: str) -> dict[str, Any]:
    """The options of every RWKV: time mixing and channel mixing in turn, both with a state."""
    width = config["hidden_size"]
    pair = time, (channel, {"hidden": config.get("intermediate_size", 4 * width)})
    return {"layers": list(pair) * config["num_hidden_layers"], "width": width, "channel": None,
            "vocabulary": config["vocab_size"], "norm": ("layer", {"eps": EPS}),
            "ends": {"embedding_norm": True, "tied": config.get("tie_word_embeddings", False)}}


def around(config: Config, called: dict[str, str]) -> Iterator[Rule]:
    """What stands around the mixers of every RWKV."""
    yield same(called["emb"] + ".weight", "embedding.weight")
    if not config.get("tie_word_embeddings", False):
        yield same(called["head"] + ".weight", "head.weight")
    for part in ("weight", "bias"):
        yield same(f"{called['blocks']}.0.{called['ln0']}.{part}", f"embedding_norm.{part}")
        yield same(f"{called['ln_out']}.{part}", f"norm.{part}")
        for i in range(config["num_hidden_layers"]):
            for place, norm in ((2 * i, "ln1"), (2 * i + 1, "ln2")):
                yield same(f"{called['blocks']}.{i}.{called[norm]}.{part}", f"stack.blocks.{place}.before_layer.{part}")


def recognised(weights: Mapping[str, Tensor], sign: str) -> dict[str, Any] | None:
    """What the shapes say of a file of the author's, where it has a tensor of that name in its blocks."""
    if f"blocks.0.{sign}" not in weights or "emb.weight" not in weights:
        return None
    vocabulary, width = weights["emb.weight"].shape
    return {"hidden_size": width, "vocab_size": vocabulary, "num_hidden_layers": depth_of(weights, "blocks."),
            "intermediate_size": len(weights["blocks.0.ffn.key.weight"])}


def _rules(config: Config, called: dict[str, str]) -> Iterator[Rule]:
    yield from around(config, called)
    for i in range(config["num_hidden_layers"]):
        theirs, ours = f"{called['blocks']}.{i}.", "stack.blocks.{}.layer."
        yield from _time(f"{theirs}{called['att']}.", ours.format(2 * i), called)
        yield from _channel(f"{theirs}{called['ffn']}.", ours.format(2 * i + 1), called)


def _time(theirs: str, ours: str, called: dict[str, str]) -> Iterator[Rule]:
    mixed = tuple(f"{theirs}time_mix_{called[z]}" for z in "rkv")
    yield stacked(mixed, ours + "mu", (1, 1, -1))
    yield same(theirs + "time_decay", ours + "decay")
    yield same(theirs + "time_first", ours + "bonus")
    for their, our in (("receptance",) * 2, ("key",) * 2, ("value",) * 2, ("output", "out")):
        yield same(f"{theirs}{their}.weight", f"{ours}{our}.weight")


def _channel(theirs: str, ours: str, called: dict[str, str]) -> Iterator[Rule]:
    yield stacked(tuple(f"{theirs}time_mix_{called[z]}" for z in "rk"), ours + "mu", (1, 1, -1))
    for name in ("receptance", "key", "value"):
        yield same(f"{theirs}{name}.weight", f"{ours}{name}.weight")


def _config(model: LanguageModel) -> dict[str, Any] | None:
    layers = [type(block.layer).__name__ for block in model.stack.blocks]
    if layers != ["RWKV4", "RWKV4Channel"] * (len(layers) // 2):
        return None
    return {"hidden_size": model.stack.width, "num_hidden_layers": len(layers) // 2, "vocab_size": model.vocabulary,
            "intermediate_size": model.stack.blocks[1].layer.key.out_features, "layer_norm_epsilon": EPS,
            "tie_word_embeddings": model.head is None, "rescale_every": 0}


def _options(config: Config) -> dict[str, Any]:
    return stack_of(config, "rwkv4", "rwkv4_channel")


RWKV4 = Format("rwkv", _options, lambda config: _rules(config, PORT), {"layer_norm_epsilon": EPS},
               unused=r"head\.weight", config=_config, transformers="Rwkv")
RWKV4_FILE = Format("rwkv4 (.pth)", _options, lambda config: _rules(config, FILE),
                    recognise=lambda weights: recognised(weights, "att.time_first"))
