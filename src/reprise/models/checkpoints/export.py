"""`reprise.to_transformers`: a LanguageModel as the class of the package transformers that computes the same."""
from typing import Any

import torch
from torch import nn

from reprise.core.errors import InputError
from reprise.models.checkpoints.format import Config, Format
from reprise.models.checkpoints.load import Unfilled
from reprise.models.checkpoints.registry import FORMATS
from reprise.models.language_model import LanguageModel

__all__ = ["to_transformers"]

PLAIN = (int, float, str, tuple, type(None))


def to_transformers(model: LanguageModel) -> Any:
    """The same function as a `...ForCausalLM`, in evaluation mode, with copies of the weights.

    Raises InputError where transformers has no such model; trained there or here makes no difference.
    """
    for form in FORMATS:
        if form.config is None or (entries := form.config(model)) is None:
            continue
        config = Config("to_transformers", entries)
        if _is_such(model, form, config):
            return _built(model, form, config)
    known = ", ".join(form.name for form in FORMATS if form.config is not None)
    raise InputError(f"to_transformers: expected a model as one of {known} is built, down to norms, ends and each "
                     f"layer's options; this one, with {model.options.get('layers')!r:.60}, is none; load one and look "
                     "at its `options`")


def _is_such(model: LanguageModel, form: Format, config: Config) -> bool:
    """Whether what the configuration describes is built as this model is, every layer with the same options."""
    with Unfilled():
        twin = LanguageModel(**form.options(config))
    return _build_of(twin) == _build_of(model)


def _build_of(model: LanguageModel) -> list:
    ends = [model.embedding_scale, model.soft_cap]
    modules = [(type(m), _plain(m)) for m in model.modules()]
    return [ends, modules, [(name, z.shape) for name, z in model.state_dict().items()]]


def _plain(module: nn.Module) -> dict[str, Any]:
    """Options as they were resolved: the numbers a module keeps, without those that change no output."""
    if isinstance(module, nn.Dropout | LanguageModel):  # of a model itself, the ends are looked at
        return {}
    return {name: z for name, z in vars(module).items() if isinstance(z, PLAIN) and not name.startswith("_")
            and name != "training" and name not in getattr(module, "ways", ())}


def _built(model: LanguageModel, form: Format, config: Config) -> Any:
    try:
        import transformers
    except ImportError as error:
        raise InputError("to_transformers needs the package transformers; install reprise[hf]") from error
    dtype = model.embedding.weight.dtype
    theirs = getattr(transformers, f"{form.transformers}ForCausalLM")(
        getattr(transformers, f"{form.transformers}Config")(**config.entries)).to(dtype)
    ours, weights = model.state_dict(), {}
    for rule in form.rules(config):
        written = rule.write(*(ours[name] for name in rule.ours))
        weights |= dict(zip(rule.theirs, written, strict=True))
    named = dict(theirs.named_parameters())
    if lost := named.keys() - weights.keys():
        raise InputError(f"to_transformers: this version of transformers wants {sorted(lost)}; use another")
    with torch.no_grad():
        for name, p in named.items():
            p.copy_(weights[name])
    return theirs.eval()
