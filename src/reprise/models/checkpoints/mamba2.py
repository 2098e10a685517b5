"""Mamba-2 (the model_type of its transformers port; also Codestral Mamba)."""
import math
from collections.abc import Iterator
from typing import Any

from reprise.models.checkpoints.format import Config, Format
from reprise.models.checkpoints.mamba import around
from reprise.models.checkpoints.rules import Rule, kernel, same, split
from reprise.models.language_model import LanguageModel

__all__ = ["MAMBA2"]

PLAIN = (0.0, math.inf)


def _limit(config: Config) -> tuple[float, float] | None:
    """JSON has no infinity: transformers writes a dictionary for it."""
    limit = config.get("time_step_limit", PLAIN)
    low, high = (float(z["__float__"]) if isinstance(z, dict) else float(z) for z in limit)
    return None if (low, high) == PLAIN else (low, high)


def _options(config: Config) -> dict[str, Any]:
    E = config["num_heads"] * config["head_dim"]
    eps = config.get("layer_norm_epsilon", 1e-5)
    layer = {"hidden": E, "heads": config["num_heads"], "states": config["state_size"], "groups": config["n_groups"],
             "kernel_size": config.get("conv_kernel", 4), "dt_limit": _limit(config), "eps": eps}
    return {"layers": [("mamba2", layer)] * config["num_hidden_layers"], "width": config["hidden_size"],
            "channel": None, "vocabulary": config["vocab_size"], "norm": ("rms", {"eps": eps}),
            "ends": {"tied": config.get("tie_word_embeddings", False)}}


def _rules(config: Config) -> Iterator[Rule]:
    yield from around(config, tied=False)
    E = config["num_heads"] * config["head_dim"]
    mixed = E + 2 * config["n_groups"] * config["state_size"]
    for i in range(config["num_hidden_layers"]):
        theirs, ours = f"backbone.layers.{i}.mixer.", f"stack.blocks.{i}.layer."
        yield split(theirs + "in_proj.weight", {ours + "gate.weight": E, ours + "local.from_x.weight": mixed,
                                                ours + "rate.weight": config["num_heads"]})
        yield kernel(theirs + "conv1d.weight", ours + "local.weight")
        for their, our in (("conv1d.bias", "local.bias"), ("A_log", "log_A"), ("D", "D"), ("dt_bias", "dt"),
                           ("norm.weight", "norm_scale"), ("out_proj.weight", "out.weight")):
            yield same(theirs + their, ours + our)


def _config(model: LanguageModel) -> dict[str, Any] | None:
    layer = model.stack.blocks[0].layer
    if type(layer).__name__ != "Mamba2":
        return None
    H, N, V = layer.memory_shape
    if H * V % layer.width:
        return None
    return {"hidden_size": layer.width, "expand": H * V // layer.width, "num_heads": H, "head_dim": V, "state_size": N,
            "n_groups": layer.groups, "conv_kernel": len(layer.local.weight), "time_step_limit": layer.dt_limit,
            "num_hidden_layers": len(model.stack.blocks), "vocab_size": model.vocabulary,
            "layer_norm_epsilon": model.norm.eps, "tie_word_embeddings": model.head is None}


MAMBA2 = Format("mamba2", _options, _rules, {"use_bias": False, "use_conv_bias": True, "hidden_act": "silu"},
                unused=r"lm_head\.weight", config=_config, transformers="Mamba2")
