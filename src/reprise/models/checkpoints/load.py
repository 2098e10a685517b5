"""`reprise.from_pretrained`: a published model as a LanguageModel, whoever trained it."""
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from reprise.core.errors import InputError
from reprise.core.files import is_ours
from reprise.models.checkpoints.format import Config
from reprise.models.checkpoints.registry import recognise
from reprise.models.checkpoints.rules import Rule
from reprise.models.checkpoints.weights import open_weights
from reprise.models.language_model import LanguageModel
from reprise.models.pretrained import CONFIG, WEIGHTS, download
from reprise.models.tokens import TOKENS, read_tokeniser

__all__ = ["Unfilled", "from_pretrained"]

SAFE = (CONFIG, "generation_config.json", *TOKENS, "*.safetensors", "*.safetensors.index.json")
TORCH = ("pytorch_model*.bin", "pytorch_model.bin.index.json")
SHOWN = 4  # names in an error


class Unfilled(TorchFunctionMode):
    """Models built inside draw no numbers: weights that are replaced at once cost neither time nor memory.

    For layers that build with any weights at all, as those of the formats here do.
    """

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in (Tensor.normal_, Tensor.uniform_) or getattr(func, "__module__", None) == nn.init.__name__:
            return args[0] if args else kwargs["tensor"]
        if func in (torch.randn, torch.rand) and "generator" not in kwargs:
            return torch.zeros(*args, **kwargs)
        if func is torch.linalg.qr:  # of a matrix at least as high as wide: for orthogonal weights, seconds each
            return args[0], args[0][: args[0].shape[1]]
        return func(*args, **kwargs)


def from_pretrained(
    source: str | Path, *, revision: str | None = None, dtype: torch.dtype | None = None,
) -> LanguageModel:
    """The model in a folder, a file or the hub's repository "owner/name" (at `revision`), in evaluation mode.

    Reads what reprise saved, and Mamba, FalconMamba, Mamba-2, RecurrentGemma and RWKV-4 to RWKV-7 as others publish
    them, with their tokeniser (docs/checkpoints.md). dtype: that of the weights; None for float32, and for what
    reprise saved, as it was saved.
    Raises InputError for a format that is not known and for files that are damaged, incomplete or more than weights.
    """
    where = Path(source)
    if not where.exists():
        where = download(str(source), revision, SAFE)
        if not any(where.glob("*.safetensors")):
            where = download(str(source), revision, (*SAFE, *TORCH))
    if _ours(where):
        model = LanguageModel.from_pretrained(where)
        return model if dtype is None else model.to(dtype)
    return _foreign(where, torch.float32 if dtype is None else dtype)


def _ours(where: Path) -> bool:
    """By the first bytes of its weights; if those are damaged, by what is said beside them."""
    if is_ours(where / WEIGHTS if where.is_dir() else where):
        return True
    return where.is_dir() and {"model", "options"} <= (_json(where / CONFIG) or {}).keys()


def _foreign(where: Path, dtype: torch.dtype) -> LanguageModel:
    folder = where if where.is_dir() else where.parent
    weights = open_weights(where)
    form, config = recognise(str(where), _json(folder / CONFIG), weights)
    rules = list(form.rules(config))
    with Unfilled():
        model = LanguageModel(**form.options(config))
    _check(config, model.state_dict(), rules, weights, form.unused)
    ours = {}
    for rule in rules:
        read = rule.read(*(weights[name].to(dtype) for name in rule.theirs))
        ours |= {name: z.contiguous() for name, z in zip(rule.ours, read, strict=True)}
    model.to(dtype).load_state_dict(ours, assign=True)
    start, ends = _signs(config, _json(folder / "generation_config.json") or {})
    model.tokeniser = read_tokeniser(folder, start, ends) or model.tokeniser
    return model.eval()


def _check(
    config: Config, ours: Mapping[str, Tensor], rules: list[Rule], weights: Mapping[str, Tensor], unused: str,
) -> None:
    """Raises InputError where weights and configuration do not belong together, with the names."""
    expected = dict(_expected(rules, ours))
    extra = [name for name in weights if name not in expected and not re.fullmatch(unused, name)]
    shapes = {name: tuple(weights[name].shape) for name in expected if name in weights}
    misshapen = [f"{name} {shape}, expected {expected[name]}" for name, shape in shapes.items()
                 if shape != expected[name]]
    wrong = {"missing": [name for name in expected if name not in weights], "not known": extra,
             "of another shape": misshapen}
    if any(wrong.values()):
        said = "; ".join(f"{len(names)} weights are {what}: {', '.join(names[:SHOWN])}{', ...' * (len(names) > SHOWN)}"
                         for what, names in wrong.items() if names)
        raise InputError(f"{config.source}: {said}; are weights and config.json of one model?")


def _expected(rules: list[Rule], ours: Mapping[str, Tensor]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Their names, and the shapes that fit our model."""
    for rule in rules:
        theirs = rule.write(*(ours[name].to("meta") for name in rule.ours))
        yield from zip(rule.theirs, (tuple(z.shape) for z in theirs), strict=True)


def _signs(config: Config, generation: dict[str, Any]) -> tuple[int | None, list[int]]:
    """The tokens that begin and end a text; generation_config.json knows better, where it is there."""
    start = generation.get("bos_token_id", config.get("bos_token_id"))
    ends = generation.get("eos_token_id", config.get("eos_token_id"))
    return start, ends if isinstance(ends, list) else [] if ends is None else [ends]


def _json(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: no JSON ({error}); use another copy") from error
    if not isinstance(found, dict):
        raise InputError(f"{path}: expected entries by name, got a {type(found).__name__}; use another copy")
    return found
