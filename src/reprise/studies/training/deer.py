"""All steps of a GRU at once, by Newton's iteration, give what one step after another gives.

Paper    Lim et al. 2023, arXiv:2309.12252 (lim2023parallelizing)
Claim    A few iterations give the outputs and gradients of the sequential run, however long the sequence, so training
         goes the same way. Where the cell is chaotic it takes nearly as many iterations as there are steps.
Here     GRUs of width 2 to 16, untrained, and trained for 100 updates to say whether a noisy series goes on or turns
         back; 4 series of 256 to 4096 steps, until rounding stops the iteration, or after 60 (264 for 256 steps): then
         nothing is compared. The baseline is Jacobi's iteration, which knows no derivative; the falsifier, weights
         times 16, with which the cell is chaotic. Training: each way from one seed. Three seeds.
Not here Speed on a GPU; here it is in the rows as time of a fused loop over ours; EigenWorms; differential equations.
Why      Trained, these GRUs have exponents up to -0.05, and from a first memory everywhere the iteration takes 30 to 60
         times for 256 steps where they are 4 or more wide, and is not done within 60 for 1024. Begun where the update
         before ended it takes seven fewer.
"""
import time
import warnings
from dataclasses import dataclass
from itertools import product
from math import nan
from statistics import median

import torch
from torch.nn.functional import cross_entropy

from reprise.analysis.lyapunov import largest_exponent
from reprise.lab.claims import all_hold, at_least, at_most, exceeds
from reprise.lab.figures import curve, scatter
from reprise.layers import create_layer
from reprise.ops.newton_scan import Newton
from reprise.training.newton import solve

KEY = ("part", "width", "length", "weights", "scale", "seed")
CHAOS = {"part": "agree", "width": 8, "length": 256, "weights": "untrained"}
FIGURES = (
    curve("length", "iterations_64", "weights", each="width", log="xy", where={"part": "agree", "scale": 1}),
    scatter("exponent", "iterations_64", "scale", where=CHAOS, title="Iterations, recurrent weights times"),
)


@dataclass(frozen=True)
class Config:
    widths: tuple[int, ...] = (2, 4, 8, 16)
    lengths: tuple[int, ...] = (256, 1024, 4096)
    scales: tuple[int, ...] = (2, 4, 8, 16, 32)
    seeds: int = 3
    steps: int = 100
    rate: float = 0.01


SMOKE = ("widths=8", "lengths=256", "scales=2", "seeds=1", "steps=2")


def cells(c: Config):
    grid = [("agree", *of, 1) for of in product(c.widths, c.lengths, ("untrained", "trained"))]
    grid += [(*CHAOS.values(), scale) for scale in c.scales]
    grid += [("training", 8, 64, "trained", 1), *(("speed", 8, length, "untrained", 1) for length in c.lengths)]
    for seed, of in product(range(c.seeds), grid):
        yield dict(zip(KEY, (*of, seed)))


def measure(c: Config, part: str, width: int, length: int, *, weights: str, scale: int, seed: int) -> dict:
    warnings.filterwarnings("ignore", "newton_scan: residual")  # rows say where it did not converge
    if part == "training":
        return train_each_way(c, width, length, seed)
    layer = train(c, width, 64, seed, steps=0 if weights == "untrained" else c.steps)[0]
    layer.from_h.weight.data.mul_(scale)
    x, _ = series(4, length, width, seed + 1000)
    return speed(layer, x) if part == "speed" else agreement(layer, x)


def agreement(layer, x) -> dict:
    newton = Newton(limit=264 if x.shape[1] <= 256 else 60)
    row = {"exponent": largest_exponent(layer, x).max().item()}
    jacobi = solve(layer, x, newton=Newton("elementwise", damping=1.0, limit=200)).convergence.iterations
    for bits, dtype in ((32, torch.float32), (64, torch.float64)):
        layer, x = layer.to(dtype), x.to(dtype)
        (want, _), (y, _, _, found) = layer(x), solve(layer, x, newton=newton)
        off = [(y - want).abs().max().item(), max(
            ((a - b).abs().max() / b.abs().max()).item() for a, b in zip(gradients(layer, y), gradients(layer, want)))]
        row[f"output_{bits}"], row[f"gradient_{bits}"] = off if found.converged else (nan, nan)
        row[f"iterations_{bits}"] = found.iterations
    return row | {"jacobi_over_newton": jacobi / max(1, row["iterations_32"])}


def gradients(layer, y):
    mixture = torch.cos(torch.arange(y.numel())).view_as(y)
    return torch.autograd.grad((y * mixture).mean(), list(layer.parameters()))


def speed(layer, x) -> dict:
    taken = []
    for turn in range(12):
        begun = time.perf_counter()
        gradients(layer, solve(layer, x).y if turn % 2 else layer(x)[0])
        taken.append(time.perf_counter() - begun)
    return {"loop_over_newton": median(taken[2::2]) / median(taken[3::2])}  # the first of each is to warm up


def train_each_way(c: Config, width: int, length: int, seed: int) -> dict:
    """How far losses are from those of the loop, at most, as a share of the first one."""
    want, row = train(c, width, length, seed, c.steps)[1], {}
    for name, way, other in (("newton", "cold", 0), ("again", "again", 0), ("other", "loop", 100)):
        _, losses, iterations = train(c, width, length, seed + other, c.steps, way)
        row |= {f"gap_{name}": ((losses - want).abs().max() / want[0]).item(), f"iterations_{name}": iterations}
    return row


def train(c: Config, width: int, length: int, seed: int, steps: int, way: str = "loop"):
    """A GRU trained on 32 series, its losses, its mean of iterations, begun "cold" or "again" where the last ended."""
    torch.manual_seed(seed)
    layer, readout = create_layer("gru", width), torch.zeros(2, width, requires_grad=True)
    optimiser = torch.optim.Adam([*layer.parameters(), readout], c.rate)
    x, kind = series(32, length, width, seed)
    losses, iterations, guess = [], 0, None
    for _ in range(steps):
        y, _, trajectory, (count, *_) = (layer(x)[0], (), None, (0,)) if way == "loop" else solve(layer, x, guess=guess)
        guess, iterations = trajectory if way == "again" else None, iterations + count / steps
        loss = cross_entropy(y.mean(1) @ readout.T, kind)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return layer, torch.tensor(losses), iterations


def series(rows: int, length: int, width: int, seed: int):
    """Noise that, in its first number, goes on as it was or turns back; and which of the two."""
    x, kind = torch.randn(rows, length, width, generator=torch.Generator().manual_seed(seed)), torch.arange(rows) % 2
    x[:, 1:, 0] += (2 * kind[:, None] - 1) * x[:, :-1, 0]
    return x, kind


def claims(t):
    def everywhere(text, weights, bound, margin, *columns):
        return all_hold(f"{weights}: {text}", [
            bound(f"{column}, width {width}, {length} steps", t.over_seeds(
                column, part="agree", weights=weights, width=width, length=length, scale=1), margin)
            for column, width, length in product(columns, (2, 4, 8, 16), (256, 1024, 4096))])

    for weights in ("untrained", "trained"):
        yield everywhere("float32 is the same to 1e-5", weights, at_most, 1e-5, "output_32", "gradient_32")
        yield everywhere("float64 is the same to 1e-10", weights, at_most, 1e-10, "output_64", "gradient_64")
        yield everywhere("15 iterations are enough", weights, at_most, 15, "iterations_32", "iterations_64")
    yield everywhere("Jacobi takes twice as many, or more", "untrained", at_least, 2, "jacobi_over_newton")
    for gap, text, bound, margin in (("newton", "training by Newton: losses are the loop's, to 1e-3", at_most, 1e-3),
                                     ("again", "begun where the update before ended, to 1e-3, too", at_most, 1e-3),
                                     ("other", "another seed makes more of a difference, 1e-2", at_least, 1e-2)):
        yield bound(text, t.over_seeds(f"gap_{gap}", part="training"), margin)
    saved = [t.over_seeds(f"iterations_{way}", part="training") for way in ("newton", "again")]
    yield exceeds("begun with the trajectory of the update before, it takes an iteration less", *saved, 1)
    for scale, bound, exponent, iterations in ((1, at_most, -0.01, 15), (16, at_least, 0.01, 128)):
        least = bound.__name__.replace("_", " ")
        yield all_hold(f"weights times {scale}: {least} {iterations} iterations, an exponent of {least} {exponent}", [
            bound(column, t.over_seeds(column, **CHAOS, scale=scale), margin)
            for column, margin in (("exponent", exponent), ("iterations_64", iterations))])
