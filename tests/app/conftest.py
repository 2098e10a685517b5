"""A made-up summary of a realistic comparison: twelve models, three seeds, one failed. No number was measured."""
import math
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reprise.app.comparison.text import Text
from reprise.app.findings.chance import pairs, spread
from reprise.app.findings.summary import Summary
from reprise.app.findings.verdict import verdict

sys.path.insert(0, str(Path(__file__).parent))  # for page_reader.py

# name, family, bits per byte at the end, noise over seeds, trained and streamed bytes a second, state, parameters
MODELS = (
    ("gated_deltanet", "memory", 1.874, 0.006, 9_100, 610, 270_336, 1_340_000),
    ("mamba2", "linear", 1.881, 0.007, 13_800, 940, 141_312, 1_260_000),
    ("gru", "nonlinear", 1.902, 0.009, 16_400, 2_150, 4_096, 1_580_000),
    ("lstm", "nonlinear", 1.911, 0.008, 19_900, 1_980, 8_192, 1_840_000),
    ("rwkv7", "memory", 1.917, 0.008, 6_200, 480, 278_528, 1_410_000),
    ("gla", "memory", 1.936, 0.006, 12_700, 890, 264_192, 1_190_000),
    ("rg_lru", "linear", 1.962, 0.010, 17_300, 1_620, 16_384, 1_120_000),
    ("mingru", "linear", 1.991, 0.007, 24_800, 2_480, 4_096, 1_050_000),
    ("retnet", "memory", 2.013, 0.009, 14_100, 930, 262_144, 1_180_000),
    ("indrnn", "nonlinear", 2.094, 0.017, 22_600, 2_710, 4_096, 920_000),
    ("elman", "nonlinear", 2.178, 0.031, 21_300, 2_890, 4_096, 990_000),
)
BUDGET = 240.0
WHY = "the loss became infinite at update 312 (seed 1), twice, also at half the learning rate"
BASELINES = (("uniform", "", 8.0, 0.0), ("unigram", "unigram", 4.71, 2.1), ("2-gram", "n-gram", 3.59, 2.1),
             ("3-gram", "n-gram", 2.82, 2.1), ("4-gram", "n-gram", 2.27, 2.1), ("5-gram", "n-gram", 2.104, 2.1),
             ("6-gram", "n-gram", 2.046, 2.1), ("zlib", "compressor", 2.61, 0.1), ("bz2", "compressor", 2.24, 0.2),
             ("lzma", "compressor", 2.08, 4.3))
SAMPLE = ('    def __init__(self, path, mode="r"):\n        """Open a file <path> & keep it."""\n'
          "        self.path = path\n        if mode not in self._modes:\n            raise ValueError(mode)\n")


@pytest.fixture
def made_up() -> Callable[..., Summary]:
    """A function of how many seeds and points a curve; the same every time."""
    return _summary


def _summary(seeds: int = 3, points: int = 40) -> Summary:
    chance = random.Random(0)
    models = [_model(*row, chance, seeds, points) for row in MODELS]
    models.insert(7, {"name": "hyena", "family": "convolution", "summary": "A long convolution with gates.",
                      "status": "failed", "why": WHY})
    baselines = [{"name": name, "group": group, "score": bits, "seconds": took, "why": f"what a {name} is"}
                 for name, group, bits, took in BASELINES]
    return {
        "version": 2, "kind": "text", "unit": "byte", "measure": Text.measure.told(), "further": [],
        "command": "reprise compare python-stdlib --budget 240s --seeds 3 --out runs/stdlib",
        "verdict": verdict(models, baselines, Text.measure), "started": "2026-05-04T09:12:33+00:00", "seconds": 8_912.4,
        "machine": {"cpu": "AMD EPYC 9B14", "cores": 2, "threads": 2, "memory_gb": 23.4, "os": "Linux 6.1",
                    "python": "3.11.7", "torch": "2.13.0", "reprise": "0.1.0"},
        "settings": {"budget_seconds": BUDGET, "seeds": seeds, "width": 256, "depth": 4, "channel": "glu", "batch": 16,
                     "length": 512, "optimiser": "adamw", "rate": 0.002},
        "data": _card(), "models": models, "baselines": baselines, "pairs": pairs(models, Text.measure), "missing": {},
        "shown": {"model": "gated_deltanet", "prompt": "class Reader:\n", "text": SAMPLE * 4},
        "files": ["results.jsonl", *(f"models/{name}-{seed}/" for name, *_ in MODELS for seed in range(seeds))],
    }


def _model(name: str, family: str, bits: float, noise: float, *rest: Any) -> dict[str, Any]:
    trained, streamed, state, parameters, chance, seeds, points = rest
    ends = [bits + chance.gauss(0, noise) for _ in range(seeds)]
    curve = [point for seed, end in enumerate(ends) for point in _curve(seed, end + 0.02, trained, points, chance)]
    return {"name": name, "family": family, "summary": f"One sentence about {name}.", "status": "done", "why": "",
            "parameters": parameters, "state_bytes": state, "train_units_per_second": trained,
            "stream_units_per_second": streamed, "step_ms": 1000 / streamed,
            "peak_memory_bytes": 120_000_000 + 7 * state, "units": int(trained * BUDGET),
            "score": spread(ends), "further": {}, "detail": {}, "curve": curve}


def _curve(seed: int, end: float, rate: float, points: int, chance: random.Random) -> list[dict[str, Any]]:
    """Down by a power law from the first sixty-fourth of the budget on, to where it should end."""
    way, power = [], 0.15 + rate / 60_000
    for n in range(points):
        part = 2 ** (-6 * (1 - n / (points - 1)))
        bits = end + 0.8 * (part**-power - 1) + chance.gauss(0, 0.004) * math.sqrt(1 - n / points)
        way.append({"seed": seed, "units": int(rate * BUDGET * part), "seconds": BUDGET * part, "score": bits})
    return way


def _card() -> dict[str, Any]:
    return {"name": "python-stdlib", "bytes": 11_482_113, "documents": 702, "duplicates": 3, "printable": 0.9991,
            "utf8": 1.0, "split": "whole documents", "train": {"bytes": 10_331_045, "documents": 634},
            "valid": {"bytes": 577_610, "documents": 35}, "test": {"bytes": 573_458, "documents": 33}, "files": 702,
            "sources": ["abc.py", "aifc.py", "argparse.py", "ast.py"], "binary": {}, "left_out": 41,
            "digest": "7f3a0c9e5b1d48e26a94c0f8d2b7716355e0a1c4987be3d20f6a8b9c1e4d7f02"}
