"""A small study for other processes: what it measures is its seed, a hundredth of it, or a failure.

Paper    Nobody 2026
Claim    Gain is what it is set to.
Here     Two arms, three seeds.
Not here Anything else.
"""
import os
import signal
from dataclasses import dataclass
from itertools import product

from reprise.lab.claims import all_hold, at_least, at_most, exceeds
from reprise.lab.figures import bars, curve

KEY = ("arm", "seed")
TABLE = ("arm", "seed", "score")
FIGURES = (bars("arm", "score"), curve("seed", "score", "arm", title="Score of each seed"))
SMOKE = ("seeds=1",)


@dataclass(frozen=True)
class Config:
    arms: tuple[str, ...] = ("plain", "better")
    seeds: int = 3
    gain: float = 1.0
    broken: str = ""


def cells(c):
    for arm, seed in product(c.arms, range(c.seeds)):
        yield {"arm": (1, 2) if c.broken == "key" else arm, "seed": seed}


def measure(c, arm, seed):
    if c.broken == "error" and (arm, seed) == ("plain", 1):
        raise ValueError("this cell is broken")
    if c.broken == "nan" and (arm, seed) == ("plain", 1):
        return {"score": float("nan")}
    if c.broken == "object" and (arm, seed) == ("plain", 1):
        return {"score": object()}
    if c.broken == "clash":
        return {"seed": 7, "score": 0.0}
    if c.broken == "seconds":
        return {"seconds": 7.0}
    if c.broken == "kill" and (arm, seed) == ("plain", 1):
        os.kill(os.getpid(), signal.SIGKILL)
    return {"score": 0.01 * seed + (c.gain if arm == "better" else 0.0)}


def claims(t):
    better, plain = t.over_seeds("score", arm="better"), t.over_seeds("score", arm="plain")
    yield exceeds("better is better by a half", better, plain, 0.5)
    yield all_hold("both are small", [at_most("better", better, 2.0), at_least("plain", plain, 0.0)])
