"""Exact solvers of state tracking, built by hand: what negative eigenvalues and products of reflections can do."""
from collections.abc import Sequence
from math import pi
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import one_hot

from reprise.core.errors import InputError, check_counts, suggest
from reprise.core.layer import SequenceLayer
from reprise.layers import create_layer
from reprise.ops.delta_rule import Correction, delta_rule

__all__ = ["Counter", "counter", "permutations", "reflections", "rotations", "track"]

OPEN = 1e4  # silu is the identity there, sigmoid one, exp(-OPEN) zero: a gate is open, or shut, to the last digit
ROUGH = 1e-6  # how far Q Q' of an orthogonal matrix may be from one: float32 has rounded it
FAINT = 1e-9  # of a query, makes what is read so small that the norm's epsilon outweighs it, and the norm is linear


def rotations(modulus: int) -> Float[Tensor, "X 2 2"]:
    """For each digit d the turn of the plane by 2 pi d / modulus: their product counts modulo `modulus`. In float64."""
    check_counts("rotations", modulus=modulus)
    angle = 2 * pi * torch.arange(modulus, dtype=torch.float64) / modulus
    return torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], -1).unflatten(-1, (2, 2))


def permutations(orders: Sequence[Sequence[int]]) -> Float[Tensor, "X N N"]:
    """For each order p the matrix that puts what was at p[i] to i, in float64. Raises InputError for no permutation."""
    if not orders or any(sorted(order) != list(range(len(orders[0]))) for order in orders):
        raise InputError(f"permutations: expected orders of the numbers 0 to n - 1, all of one n, got {orders!r:.80}")
    return torch.eye(len(orders[0]), dtype=torch.float64)[torch.tensor(orders)]


def reflections(Q: Float[Tensor, "N N"], tolerance: float = 2e-6) -> list[Float[Tensor, "N"]]:
    """Vectors k_1, ..., k_n, n <= N, whose reflections I - 2 k k' / |k|^2, the first first, multiply to Q. In float64.

    Every orthogonal Q has them: a turn of the plane two, a permutation one for each swap, with whole numbers, so that
    in whole numbers nothing is ever rounded. A column that is home but for `tolerance` is not reflected: it may be
    rounding, of which Q may have 1e-6. Raises InputError for a Q that is not orthogonal.

    Source  Cartan and Dieudonne's theorem; Grazzi et al. 2024, arXiv:2411.12537, sec. 4.2
    """
    left = Q.detach().double()
    one = torch.eye(Q.shape[-1] if Q.ndim else 0).to(left)
    if Q.ndim != 2 or Q.shape[0] != Q.shape[1] or not torch.allclose(left @ left.mT, one, rtol=0, atol=ROUGH):
        raise InputError(f"reflections: expected an orthogonal matrix, got {tuple(Q.shape)} with Q Q' far from one; "
                         "what shrinks or stretches is no product of reflections")
    for _ in range(2):
        left = left @ (3 * one - left.mT @ left) / 2  # orthogonal to the last digit, and as it was where it is already
    found = []
    for i in range(len(Q)):
        k = left[:, i].clone()
        k[i] -= 1  # the reflection along it brings column i home, and leaves the columns before where they are
        if k.abs().max() > tolerance:
            found.append(k)
            left = left - 2 / k.square().sum() * torch.outer(k, k @ left)
    return found[::-1]


def track(
    matrices: Float[Tensor, "X N N"], start: Float[Tensor, "N"], tokens: Int[Tensor, "B T"], backend: str = "auto",
) -> Float[Tensor, "B T N"]:
    """s_t = matrices[tokens_t] s_{t-1} from s_0 = start, for orthogonal matrices, by the delta rule alone.

    Each step is n corrections S <- (I - beta k k') S with beta |k|^2 = 2, the most reflections that a token needs, and
    beta = 0 for those that it does not: DeltaProduct's recurrence with gates wide open. Computed in the type of
    `start`. Raises InputError for tokens without a matrix.
    """
    if tokens.numel() and not 0 <= int(tokens.min()) <= int(tokens.max()) < len(matrices):
        raise InputError(f"track: expected tokens from 0 to {len(matrices) - 1}, one a matrix, got {int(tokens.min())} "
                         f"to {int(tokens.max())}")
    each = [reflections(Q) for Q in matrices]
    n, N = max(1, *map(len, each)), len(start)
    k = start.new_zeros(len(each), n, N)
    for row, vectors in zip(k, each, strict=True):
        for place, vector in zip(row, vectors, strict=False):
            place.copy_(vector)
    length = k.square().sum(-1, keepdim=True)
    beta = torch.where(length > 0, 2 / length, 0.0)
    k, a = ((z[tokens].flatten(1, 2)[:, :, None].expand(-1, -1, N, -1)) for z in (k, -beta * k))  # a head for each s_i
    none = k.new_zeros(())
    q = torch.eye(N).to(start).expand_as(k)
    p = Correction(q, none.expand_as(k), none.expand(*k.shape[:3], 1), none.expand(*k.shape[:3], 1), a, k)
    read, _ = delta_rule(p, start[:, None].expand(len(tokens), N, N, 1), backend=backend)
    return read[:, n - 1 :: n, :, 0]


class Counter(NamedTuple):
    """A layer with weights set by hand, and what it says at each count."""

    layer: SequenceLayer
    places: Float[Tensor, "M D"]  # the output at count 0, 1, ...

    def embed(self, digits: Int[Tensor, "*B"]) -> Float[Tensor, "*B D"]:
        """What the layer is fed for digits below the modulus."""
        return one_hot(digits, self.layer.width).to(self.places)

    def read(self, y: Float[Tensor, "*B D"]) -> Int[Tensor, "*B"]:
        """The count whose place is nearest, which is the largest number of a linear map with a bias."""
        return (y @ self.places.mT - self.places.square().sum(-1) / 2).argmax(-1)

    def __call__(self, digits: Int[Tensor, "B T"]) -> Int[Tensor, "B T"]:
        """The sum of the digits so far, modulo the modulus."""
        with torch.no_grad():
            return self.read(self.layer(self.embed(digits))[0])


@torch.no_grad()
def counter(name: str, modulus: int = 2, dtype: torch.dtype = torch.float32) -> Counter:
    """A layer that counts modulo `modulus` for ever, as its memory does not fade:

        mamba_negative      modulus 2:  h_t = (1 - 2 x_t) h_{t-1} + x_t, a transition of 1 or -1
        deltanet_negative   modulus 2:  S_t = (I - 2 x_t k k') S_{t-1} + 2 x_t k v', a reflection where x_t = 1
        deltaproduct        any:  a turn of the plane by 2 pi x_t / modulus about a point that is not zero, for the
                            memory begins there: reflections in two lines through that point

    Raises InputError for another layer, and for a modulus whose turns a single real transition cannot make.

    Source  Grazzi et al. 2024, arXiv:2411.12537, sec. 4.1, 4.2   (grazzi2024unlocking)
    """
    if name not in BUILDERS:
        raise InputError(f"counter: no weights for {name!r}{suggest(name, BUILDERS)}")
    if isinstance(modulus, bool) or not isinstance(modulus, int) or modulus < 2:
        raise InputError(f"counter: expected a modulus of 2 or more, got {modulus!r}")
    if modulus > 2 and name != "deltaproduct":
        raise InputError(f"counter: one {name} has real eigenvalues, which count modulo 2, not {modulus}; "
                         "try deltaproduct")
    layer = BUILDERS[name](modulus, dtype)
    made = Counter(layer, torch.zeros(modulus, layer.width, dtype=dtype))
    ones = made.embed(torch.ones(1, modulus, dtype=torch.int64))
    y, _ = layer(ones)  # after 1, 2, ..., and `modulus` ones
    return made._replace(places=y[0].roll(1, 0))


def _mamba(modulus: int, dtype: torch.dtype) -> SequenceLayer:
    """Channel 0 hears a one and counts; channel 1 hears every digit and reads."""
    layer = _silent("mamba_negative", 2, dtype, hidden=2, states=1, rank=1)
    layer.local.weight[0] = 1.0
    layer.local.from_x.weight.copy_(OPEN * torch.tensor([[0.0, 1.0], [1.0, 1.0]]))
    layer.select.weight.copy_(torch.tensor([[1.0, 0.0], [0.5 / OPEN**2, 0.0], [0.0, 1.0 / OPEN]]))  # dt, B and C
    layer.step_size.weight[0] = 2.0
    layer.step_size.bias.fill_(-OPEN)
    layer.gate.weight.fill_(1.0)
    layer.out.weight[0, 0] = 1.0
    return layer


def _deltanet(modulus: int, dtype: torch.dtype) -> SequenceLayer:
    layer = _silent("deltanet_negative", 2, dtype, heads=1)
    layer.local.weight[0] = 1.0
    q, k, v = layer.local.from_x.weight.unflatten(0, (3, 2))
    for z in (q, k, v):
        z[0] = OPEN
    layer.strength.weight.copy_(OPEN * torch.tensor([[-1.0, 1.0]]))
    layer.norm.weight.fill_(1.0)
    layer.out.weight.copy_(torch.eye(2))
    return layer


def _deltaproduct(modulus: int, dtype: torch.dtype) -> SequenceLayer:
    """Digit d reflects along 0 degrees and then along 180 d / modulus; beyond the half turn the other way about, so
    that no key leaves the quadrant that silu lets through. Two columns, two centres: a query sees a line of each.
    """
    layer = _silent("deltaproduct", modulus, dtype, heads=1, householders=2)
    layer.local.weight[0] = 1.0
    q, k1, k2, v1, v2 = layer.local.from_x.weight.unflatten(0, (5, modulus))  # (D, X) each
    centres = 100 * torch.tensor([[1.0, 1.0], [1.0, 3.0]], dtype=torch.float64)
    q[:2] = FAINT
    for digit in range(modulus):
        angle = pi * torch.tensor([0.0, min(digit, modulus - digit) / modulus], dtype=torch.float64)
        keys = torch.stack([angle.cos(), angle.sin()], -1)
        keys = keys.flip(0) if digit > modulus / 2 else keys
        for key, k, v in zip(keys, (k1, k2), (v1, v2), strict=True):
            k[:2, digit], v[:2, digit] = OPEN * key, centres @ key
    layer.strength.weight.fill_(OPEN)
    layer.strength.weight[:, 0] = -OPEN
    layer.norm.weight.fill_(100.0)
    layer.out.weight.copy_(torch.eye(modulus))
    return layer


def _silent(name: str, width: int, dtype: torch.dtype, **options: int) -> SequenceLayer:
    """A layer whose weights are all zero."""
    layer = create_layer(name, width, **options).to(dtype)
    for parameter in layer.parameters():
        parameter.zero_()
    return layer


BUILDERS = {"mamba_negative": _mamba, "deltanet_negative": _deltanet, "deltaproduct": _deltaproduct}
