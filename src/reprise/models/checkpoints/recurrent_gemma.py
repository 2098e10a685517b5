"""RecurrentGemma (google/recurrentgemma-*): Griffin's layers, of which every third attends to the last few steps."""
from collections.abc import Iterator
from itertools import cycle, islice
from typing import Any

import torch

from reprise.core.errors import InputError
from reprise.models.checkpoints.format import Config, Format
from reprise.models.checkpoints.rules import Rule, joined, kernel, one_more, same
from reprise.models.language_model import LanguageModel

__all__ = ["RECURRENT_GEMMA"]

THETA = 10_000.0  # the slowest turn of a head
PATTERN = ("recurrent", "recurrent", "attention")
RECURRENT = (("linear_x", "local.from_x"), ("linear_y", "skip"), ("linear_out", "out"))
ATTENTION = (("q_proj", "query"), ("k_proj", "key"), ("v_proj", "value"))
CHANNEL = (("gate_proj", "gate"), ("up_proj", "from_x"), ("down_proj", "out"))


def _kinds(config: Config) -> list[str]:
    return list(islice(cycle(config.get("block_types", PATTERN)), config["num_hidden_layers"]))


def _rotary(config: Config) -> float:
    """The share of each head that turns; older files say it beside everything else."""
    said = {"rope_theta": config.get("rope_theta", THETA), **config.get("rope_parameters", {})}
    if said["rope_theta"] != THETA or said.get("rope_type", "default") != "default":
        raise InputError(f"{config.source}: recurrent_gemma with {said}; ours has rope_theta={THETA:g}, always")
    return said.get("partial_rotary_factor", config.get("partial_rotary_factor", 0.5))


def _options(config: Config) -> dict[str, Any]:
    width, heads = config["hidden_size"], config["num_attention_heads"]
    layers = {
        "recurrent": ("rg_lru", {"hidden": config.get("lru_width", width), "heads": heads,
                                 "kernel_size": config.get("conv1d_width", 4)}),
        "attention": ("local_attention", {
            "heads": heads, "kv_heads": config.get("num_key_value_heads", heads), "rotary": _rotary(config),
            "window": config.get("attention_window_size", 2048), "out_bias": True})}
    scale = torch.tensor(width**0.5, dtype=torch.bfloat16).item()  # as it is kept there, in every precision
    ends = {"tied": config.get("tie_word_embeddings", True), "embedding_scale": scale,
            "soft_cap": config.get("logits_soft_cap", 30.0)}
    return {"layers": [layers[kind] for kind in _kinds(config)], "width": width, "vocabulary": config["vocab_size"],
            "channel": ("geglu", {"hidden": config["intermediate_size"] // 2}), "ends": ends,
            "norm": ("rms", {"eps": config.get("rms_norm_eps", 1e-6)})}


def _rules(config: Config) -> Iterator[Rule]:
    yield same("model.embed_tokens.weight", "embedding.weight")
    yield one_more("model.final_norm.weight", "norm.weight")
    if not config.get("tie_word_embeddings", True):
        yield same("lm_head.weight", "head.weight")
    for i, kind in enumerate(_kinds(config)):
        theirs, ours = f"model.layers.{i}.", f"stack.blocks.{i}."
        yield one_more(theirs + "temporal_pre_norm.weight", ours + "before_layer.weight")
        yield one_more(theirs + "channel_pre_norm.weight", ours + "before_channel.weight")
        for their, our in CHANNEL:
            for part in ("weight", "bias"):
                yield same(f"{theirs}mlp_block.{their}.{part}", f"{ours}channel.{our}.{part}")
        mixer = _attention if kind == "attention" else _recurrent
        yield from mixer(theirs + "temporal_block.", ours + "layer.")


def _recurrent(theirs: str, ours: str) -> Iterator[Rule]:
    for their, our in RECURRENT:
        for part in ("weight", "bias"):
            yield same(f"{theirs}{their}.{part}", f"{ours}{our}.{part}")
    yield kernel(theirs + "conv_1d.weight", ours + "local.weight")
    yield same(theirs + "conv_1d.bias", ours + "local.bias")
    yield same(theirs + "rg_lru.recurrent_param", ours + "decay")
    for part, our in (("weight", "gates"), ("bias", "gates_bias")):
        both = f"{theirs}rg_lru.recurrent_gate_{part}", f"{theirs}rg_lru.input_gate_{part}"
        yield joined(both, ours + our)


def _attention(theirs: str, ours: str) -> Iterator[Rule]:
    for their, our in ATTENTION:
        yield same(f"{theirs}{their}.weight", f"{ours}{our}.weight")
    for part in ("weight", "bias"):
        yield same(f"{theirs}o_proj.{part}", f"{ours}out.{part}")


def _config(model: LanguageModel) -> dict[str, Any] | None:
    layers = [block.layer for block in model.stack.blocks]
    kinds = {"RGLRU": "recurrent", "LocalAttention": "attention"}
    types = [kinds.get(type(layer).__name__) for layer in layers]
    channel = model.stack.blocks[0].channel
    if None in types or not hasattr(channel, "from_x") or "recurrent" not in types:
        return None
    first = layers[types.index("recurrent")]
    config = {"block_types": types, "num_hidden_layers": len(types), "hidden_size": model.stack.width,
              "vocab_size": model.vocabulary, "lru_width": len(first.decay), "num_attention_heads": len(first.gates),
              "conv1d_width": len(first.local.weight), "intermediate_size": 2 * channel.from_x.out_features,
              "rms_norm_eps": model.norm.eps, "logits_soft_cap": model.soft_cap,
              "tie_word_embeddings": model.head is None}
    if "attention" in types:
        attention = layers[types.index("attention")]
        config |= {"num_key_value_heads": attention.kv_heads, "attention_window_size": attention.window,
                   "rope_parameters": {"rope_type": "default", "rope_theta": THETA,
                                       "partial_rotary_factor": attention.turning / attention.key_size}}
    return config


RECURRENT_GEMMA = Format(
    "recurrent_gemma", _options, _rules,
    {"attention_bias": False, "hidden_activation": "gelu_pytorch_tanh", "embeddings_scale_by_sqrt_dim": True},
    unused=r"lm_head\.weight|.*\.inv_freq", config=_config, transformers="RecurrentGemma")
