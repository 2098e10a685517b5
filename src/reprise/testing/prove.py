"""Run every law on one layer, channel mixer or structure encoder, and say which hold."""
import copy
import time
from dataclasses import dataclass
from typing import Literal

import torch

from reprise.core.channel import ChannelMixer
from reprise.core.layer import SequenceLayer
from reprise.core.structure import StructureEncoder
from reprise.testing.channel_laws import channel_checks
from reprise.testing.laws import checks, law_name
from reprise.testing.structure_laws import structure_checks

__all__ = ["Broken", "Finding", "Provable", "prove"]

Provable = SequenceLayer | ChannelMixer | StructureEncoder
LAWS = {SequenceLayer: checks, ChannelMixer: channel_checks, StructureEncoder: structure_checks}


@dataclass(frozen=True)
class Finding:
    """One law of one layer; `why` is the first failure, or the layer's excuse."""

    law: str
    verdict: Literal["holds", "fails", "excused", "stale excuse"]
    why: str
    seconds: float


class Broken(AssertionError):
    """At least one law does not hold; `findings` has them all."""

    def __init__(self, layer: str, findings: list[Finding]):
        self.findings = findings
        bad = [f"{f.law}: {f.why}" for f in findings if f.verdict in ("fails", "stale excuse")]
        super().__init__("\n  ".join([f"{layer} breaks {len(bad)} of {len(findings)} laws:", *bad]))


def prove(layer: Provable, *, strict: bool = True) -> list[Finding]:
    """Every law on a copy of `layer` in float64. Keep it narrow (width 4 to 16): laws compare with a loop over steps.

    Raises Broken where a law fails without an excuse in `layer.excused`, or holds in spite of one; with
    `strict=False` it only reports. TypeError for something that obeys none of the protocols.
    """
    if not isinstance(layer, Provable):
        raise TypeError(f"prove: expected a SequenceLayer, a ChannelMixer or a StructureEncoder, got "
                        f"{type(layer).__name__}; derive yours from one in reprise.core, or from a family in "
                        "reprise.bases")
    laws = next(written() for protocol, written in LAWS.items() if isinstance(layer, protocol))
    findings = [_try(check, layer) for check in laws]
    if strict and any(f.verdict in ("fails", "stale excuse") for f in findings):
        raise Broken(type(layer).__name__, findings)
    return findings


def _try(check, layer: Provable) -> Finding:
    law, began = law_name(check), time.perf_counter()
    excuse = layer.excused.get(law)
    try:
        with torch.random.fork_rng(devices=[]):
            check(copy.deepcopy(layer).to(torch.float64))
        verdict, why = ("holds", "") if excuse is None else ("stale excuse", f"excused, but it holds: {excuse}")
    except Exception as error:  # an outside layer may fail in any way, and all of them break the law
        first = f"{type(error).__name__}: {error}".removeprefix("AssertionError: ").partition("\n")[0]
        verdict, why = ("fails", first) if excuse is None else ("excused", excuse)
    return Finding(law, verdict, why, time.perf_counter() - began)
