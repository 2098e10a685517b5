"""The norms that a stack and a model can be built with."""
from typing import Any

from torch import nn

from reprise.core.errors import InputError, suggest

__all__ = ["create_norm"]

NORMS = {"rms": (nn.RMSNorm, 1e-6), "layer": (nn.LayerNorm, 1e-5)}  # what adds to the mean square, or to the variance


def create_norm(spec: Any, width: int) -> nn.Module:
    """"rms" (Zhang & Sennrich 2019), "layer" (Ba et al. 2016, with a bias), or either with ("rms", {"eps": 1e-5})."""
    match spec:
        case str() as name:
            options = {}
        case [str() as name, {"eps": float() as eps, **rest}] if eps > 0 and not rest:
            options = {"eps": eps}
        case _:
            raise InputError(f"norm: expected 'rms' or 'layer', or with its eps as in ('rms', {{'eps': 1e-5}}), "
                             f"got {spec!r}")
    if name not in NORMS:
        raise InputError(f"no norm is named {name!r}{suggest(name, NORMS)}")
    kind, eps = NORMS[name]
    return kind(width, **{"eps": eps} | options)
