"""Mamba (state-spaces/mamba-*, and -hf) and FalconMamba (tiiuae/falcon-mamba-*)."""
import math
from collections.abc import Iterator
from typing import Any

from reprise.core.errors import InputError
from reprise.models.checkpoints.format import Config, Format
from reprise.models.checkpoints.rules import Rule, kernel, same, split
from reprise.models.language_model import LanguageModel

__all__ = ["FALCON_MAMBA", "MAMBA", "around", "from_original"]


def _hidden(config: Config) -> int:
    return config.get("intermediate_size", int(config.get("expand", 2) * config["hidden_size"]))


def _options(config: Config, layer: str) -> dict[str, Any]:
    width, rank = config["hidden_size"], config.get("time_step_rank", "auto")
    options = {"hidden": _hidden(config), "states": config["state_size"], "kernel_size": config.get("conv_kernel", 4),
               "rank": math.ceil(width / 16) if rank == "auto" else rank}
    return {"layers": [(layer, options)] * config["num_hidden_layers"], "width": width, "channel": None,
            "vocabulary": config["vocab_size"], "norm": ("rms", {"eps": config.get("layer_norm_epsilon", 1e-5)}),
            "ends": {"tied": config.get("tie_word_embeddings", True)}}


def around(config: Config, tied: bool) -> Iterator[Rule]:
    """What stands around the mixers of every Mamba."""
    yield same(config.get("embedding_name", "backbone.embeddings") + ".weight", "embedding.weight")
    yield same("backbone.norm_f.weight", "norm.weight")
    if not config.get("tie_word_embeddings", tied):
        yield same("lm_head.weight", "head.weight")
    for i in range(config["num_hidden_layers"]):
        yield same(f"backbone.layers.{i}.norm.weight", f"stack.blocks.{i}.before_layer.weight")


HONOURED = {"Mamba1": {"layer", "expand", "d_conv", "d_state", "dt_rank"},
            "Mamba2": {"layer", "expand", "d_conv", "d_state", "headdim", "ngroups", "dt_limit"}}
OF_NO_USE = {"dt_min", "dt_max", "dt_init", "dt_scale", "dt_init_floor", "conv_init", "A_init_range",  # how it began
             "use_fast_path", "use_mem_eff_path", "chunk_size"}  # how it is computed
ALWAYS = {"bias": False, "conv_bias": True, "D_has_hdim": False, "rmsnorm": True, "norm_before_gate": False,
          "d_ssm": None}


def from_original(source: str, entries: dict[str, Any]) -> dict[str, Any]:
    """config.json of the authors' own package, mamba_ssm, as transformers would say it."""
    given = entries["ssm_cfg"] or {}
    inside = {"layer": "Mamba1", "expand": 2, "d_conv": 4, "d_state": 16} | given
    _check_inside(source, inside)
    if entries.get("d_intermediate") or entries.get("attn_layer_idx") or not entries.get("rms_norm", True):
        raise InputError(f"{source}: Mamba with attention, channel mixers or LayerNorm; reprise reads it without")
    width, multiple = entries["d_model"], entries.get("pad_vocab_size_multiple", 8)
    found = {
        "hidden_size": width, "num_hidden_layers": entries["n_layer"], "conv_kernel": inside["d_conv"],
        "vocab_size": multiple * math.ceil(entries["vocab_size"] / multiple), "expand": inside["expand"],
        "tie_word_embeddings": entries.get("tie_embeddings", True), "embedding_name": "backbone.embedding",
        "time_step_rank": inside.get("dt_rank", "auto"), "state_size": inside["d_state"], "model_type": "mamba"}
    if inside["layer"] == "Mamba2":
        head = inside.get("headdim", 64)
        found |= {"model_type": "mamba2", "head_dim": head, "num_heads": inside["expand"] * width // head,
                  "n_groups": inside.get("ngroups", 1), "state_size": given.get("d_state", 128),
                  "time_step_limit": inside.get("dt_limit")}
    return found


def _check_inside(source: str, inside: dict[str, Any]) -> None:
    """Raises InputError, with its name, for an entry of ssm_cfg that would make another layer of it."""
    kind = inside["layer"]
    if kind not in HONOURED:
        raise InputError(f"{source}: ssm_cfg with layer={kind!r}; reprise reads {' and '.join(HONOURED)}")
    for name in inside.keys() - HONOURED[kind] - OF_NO_USE:
        if name not in ALWAYS:
            raise InputError(f"{source}: ssm_cfg with {name}={inside[name]!r}, which reprise does not know for {kind}; "
                             f"it reads {', '.join(sorted(HONOURED[kind]))}")
        if inside[name] != ALWAYS[name]:
            raise InputError(f"{source}: ssm_cfg with {name}={inside[name]!r}; ours has {ALWAYS[name]!r} there, always")


def _rules(config: Config) -> Iterator[Rule]:
    yield from around(config, tied=True)
    for i in range(config["num_hidden_layers"]):
        theirs, ours = f"backbone.layers.{i}.mixer.", f"stack.blocks.{i}.layer."
        E = _hidden(config)
        yield split(theirs + "in_proj.weight", {ours + "local.from_x.weight": E, ours + "gate.weight": E})
        yield kernel(theirs + "conv1d.weight", ours + "local.weight")
        for their, our in (("conv1d.bias", "local.bias"), ("x_proj.weight", "select.weight"), ("A_log", "log_A"),
                           ("dt_proj.weight", "step_size.weight"), ("dt_proj.bias", "step_size.bias"), ("D", "D"),
                           ("out_proj.weight", "out.weight")):
            yield same(theirs + their, ours + our)


def _config(model: LanguageModel, kind: str) -> dict[str, Any] | None:
    layer = model.stack.blocks[0].layer
    if type(layer).__name__ != kind:
        return None  # by its name, so that reading this table loads no layer
    E, N = layer.log_A.shape
    if E % layer.width:
        return None
    return {"hidden_size": layer.width, "intermediate_size": E, "expand": E // layer.width, "state_size": N,
            "conv_kernel": len(layer.local.weight), "time_step_rank": layer.step_size.in_features,
            "num_hidden_layers": len(model.stack.blocks), "vocab_size": model.vocabulary,
            "layer_norm_epsilon": model.norm.eps, "tie_word_embeddings": model.head is None}


SETTLED = {"use_bias": False, "use_conv_bias": True, "hidden_act": "silu"}
MAMBA = Format(
    "mamba", lambda config: _options(config, "mamba"), _rules, SETTLED, unused=r"lm_head\.weight",
    config=lambda model: _config(model, "Mamba"), transformers="Mamba")
FALCON_MAMBA = Format(
    "falcon_mamba", lambda config: _options(config, "falcon_mamba"), _rules, SETTLED | {"mixer_rms_eps": 1e-6},
    unused=r"lm_head\.weight|.*\.(dt|b|c)_layernorm\.weight", config=lambda model: _config(model, "FalconMamba"),
    transformers="FalconMamba")
