"""Which formats there are, and which of them a checkpoint is in."""
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from reprise.core.errors import InputError
from reprise.models.checkpoints.format import Config, Format
from reprise.models.checkpoints.mamba import FALCON_MAMBA, MAMBA, from_original
from reprise.models.checkpoints.mamba2 import MAMBA2
from reprise.models.checkpoints.recurrent_gemma import RECURRENT_GEMMA
from reprise.models.checkpoints.rwkv4 import RWKV4, RWKV4_FILE
from reprise.models.checkpoints.rwkv5_6 import RWKV5_FILE, RWKV6_FILE
from reprise.models.checkpoints.rwkv7 import RWKV7, RWKV7_FILE

__all__ = ["FORMATS", "recognise"]

FORMATS = (MAMBA, FALCON_MAMBA, MAMBA2, RECURRENT_GEMMA, RWKV4, RWKV4_FILE, RWKV5_FILE, RWKV6_FILE, RWKV7, RWKV7_FILE)


def recognise(source: str, entries: dict[str, Any] | None, weights: Mapping[str, Tensor]) -> tuple[Format, Config]:
    """The format of a checkpoint with these entries of config.json, None where there is no such file.

    Raises InputError for a format that is not known, and for a variant that ours does not have.
    """
    if entries is None:
        for form in FORMATS:
            if form.recognise is not None and (found := form.recognise(weights)) is not None:
                return form, Config(source, found)
        raise InputError(f"{source}: no config.json, and the weights have names that nobody here knows, "
                         f"such as {sorted(weights)[:3]}; known: {_known()}")
    if "ssm_cfg" in entries and "model_type" not in entries:
        entries = from_original(source, entries)
    name = entries.get("model_type")
    form = next((form for form in FORMATS if form.name == name), None)
    if form is None:
        said = name or entries.get("architectures") or sorted(entries)[:5]
        raise InputError(f"{source}: a model of type {said!r}, which reprise does not read; known: {_known()}")
    for entry, value in form.settled.items():
        if entries.get(entry, value) not in (value, None):
            raise InputError(f"{source}: {form.name} with {entry}={entries[entry]!r}; ours has {value!r} there, always")
    return form, Config(source, entries)


def _known() -> str:
    return ", ".join(form.name for form in FORMATS)
