"""Linear attention inside a gated linear RNN: put there exactly, and read out of one that was trained.

Source: Zucchet et al. 2023, arXiv:2309.01775, sec. 3, 4 (zucchet2023gated)
"""
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from reprise.core.errors import InputError
from reprise.layers.linear.light.bilinear_rnn import BilinearRNN

__all__ = [
    "Attention", "Roles", "Terms", "attention_terms", "attention_to_gated_rnn", "gradient_step", "polynomial", "prune",
    "roles",
]


class Attention(NamedTuple):
    """Causal attention without softmax: y_t = sum over s <= t of (value x_s) (key x_s)' (query x_t)."""

    query: Float[Tensor, "K D"]
    key: Float[Tensor, "K D"]
    value: Float[Tensor, "D D"]

    def __call__(self, x: Float[Tensor, "B T D"]) -> Float[Tensor, "B T D"]:
        """All pairs of steps, in T^2 work: the definition."""
        return (x @ self.query.mT @ (x @ self.key.mT).mT).tril() @ (x @ self.value.mT)


def gradient_step(size: int, rate: float) -> Attention:
    """One step of gradient descent on a linear regression in context, from zero: of tokens (u_s, y_s) with u of `size`
    numbers, and a last one (u, 0), it makes rate sum_s y_s (u_s u) the last number of the last answer.

    Source  von Oswald et al. 2023, arXiv:2212.07677, sec. 2   (vonoswald2023transformers)
    """
    inputs = torch.eye(size, size + 1)
    return Attention(rate * inputs, inputs, torch.diag(inputs.new_tensor([0.0] * size + [1.0])))


class Roles(NamedTuple):
    """Units of a gated linear RNN by what their memory does: those that add up all, those that only see now, others."""

    keep: Int[Tensor, "_"]
    forget: Int[Tensor, "_"]
    between: Int[Tensor, "_"]


class Terms(NamedTuple):
    """The polynomial that a gated linear RNN with decays 0 and 1 is, in z = (x, 1), one step's input and a one:

        y_t[i] = sum_s sum_r past[i a b c d] z_s[a] z_s[b] z_r[c] z_r[d]   (s and r up to t)
                 + sum_s cross[i a b c d] z_s[a] z_s[b] z_t[c] z_t[d] + now[i a b c d] z_t[a] z_t[b] z_t[c] z_t[d]

    Each is symmetric in a, b and in c, d, and `past` and `now` in the two pairs, so that they belong to the function.
    """

    past: Float[Tensor, "D E E E E"]
    cross: Float[Tensor, "D E E E E"]
    now: Float[Tensor, "D E E E E"]

    def distance(self, other: "Terms") -> float:
        """The norm of the difference, as a share of the norm of the other."""
        apart = torch.stack([(a - b).square().sum() for a, b in zip(self, other, strict=True)]).sum()
        return (apart / torch.stack([b.square().sum() for b in other]).sum()).sqrt().item()


@torch.no_grad()
def attention_to_gated_rnn(attention: Attention) -> BilinearRNN:
    """The gated linear RNN that is this attention, with D K + K units: D^2 + D where keys are as wide as the input.

    D K units of decay 1 add up value_i key_j; K of decay 0 hold the query, which their gate, a one, lets through; the
    products after the recurrence are all (value_i key_j) query_j, and the read-out sums them over j.
    Raises InputError for matrices that do not fit.
    """
    query, key, value = attention
    K, D = key.shape
    if query.shape != (K, D) or value.shape != (D, D):
        raise InputError(f"attention_to_gated_rnn: expected query and key (K, D) and value (D, D), got "
                         f"{', '.join(str(tuple(w.shape)) for w in attention)}; pad value with rows of zeros")
    layer = BilinearRNN(D, hidden=D * K + K, products=D * K).to(value)
    for parameter in layer.parameters():
        parameter.zero_()
    i, j, n = torch.arange(D).repeat_interleave(K), torch.arange(K).repeat(D), torch.arange(D * K)
    layer.decay[: D * K] = 1
    layer.value.weight.copy_(torch.cat([value[i], query]))
    layer.gate.weight[: D * K] = key[j]
    layer.gate.bias[D * K :] = 1
    layer.left.weight[n, n] = layer.right.weight[n, D * K + j] = layer.out.weight[i, n] = 1
    return layer


def roles(layer: BilinearRNN, near: float = 0.05) -> Roles:
    """Which units keep (decay within `near` of 1) and which forget (of 0). Raises InputError for near from 0.5 on."""
    if not 0 <= near < 0.5:
        raise InputError(f"roles: expected near from 0 to below 0.5, got {near}")
    keep, forget = (layer.decay - 1).abs() <= near, layer.decay.abs() <= near
    return Roles(*(unit.nonzero()[:, 0] for unit in (keep, forget, ~(keep | forget))))


@torch.no_grad()
def prune(layer: BilinearRNN, near: float = 0.05) -> BilinearRNN:
    """A copy with only the units that keep or forget, which do so wholly: their decays are 1 and 0.

    Raises InputError where no unit is left.
    """
    keep, forget, _ = roles(layer, near)
    kept = torch.cat([keep, forget])
    if not len(kept):
        raise InputError(f"prune: no decay is within {near} of 0 or 1; train on, or give a larger near")
    found = BilinearRNN(layer.width, len(kept), layer.out.in_features).to(layer.decay)
    for ours, theirs in ((found.value, layer.value), (found.gate, layer.gate)):
        ours.weight.copy_(theirs.weight[kept])
        ours.bias.copy_(theirs.bias[kept])
    for ours, theirs in ((found.left, layer.left), (found.right, layer.right)):
        ours.weight.copy_(theirs.weight[:, kept])
    found.decay.copy_(torch.cat([torch.ones(len(keep)), torch.zeros(len(forget))]))
    found.out.weight.copy_(layer.out.weight)
    return found


@torch.no_grad()
def polynomial(layer: BilinearRNN) -> Terms:
    """All that a pruned layer computes, as coefficients, in float64; from a state of zeros.

    Raises InputError where a decay is neither 0 nor 1.
    """
    keep, forget, between = roles(layer, near=0.0)
    if len(between):
        raise InputError(f"polynomial: {len(between)} of {len(layer.decay)} decays are neither 0 nor 1; prune first")
    value, gate = (torch.cat([w.weight, w.bias[:, None]], 1).double() for w in (layer.value, layer.gate))
    form = _symmetric(value[:, :, None] * gate[:, None, :])  # (N E E): u_t of a unit, in z z'
    left, right, out = (w.weight.double() for w in (layer.left, layer.right, layer.out))
    mix = torch.einsum("ip,pn,pm->inm", out, left, right)
    mix = mix + mix.mT

    def together(one: Tensor, other: Tensor) -> Tensor:
        return torch.einsum("inm,nab,mcd->iabcd", mix[:, one][:, :, other], form[one], form[other])

    return Terms(together(keep, keep) / 2, together(keep, forget), together(forget, forget) / 2)


def attention_terms(attention: Attention) -> Terms:
    """The polynomial that linear attention is: cubic, and nothing but cross terms."""
    query, key, value = (w.detach().double() for w in attention)
    D = value.shape[0]
    cross = value.new_zeros(D, *[D + 1] * 4)
    cross[:, :D, :D, :D, D] = torch.einsum("ia,rb,rc->iabc", value, key, query)
    cross = (cross + cross.transpose(1, 2)) / 2
    return Terms(torch.zeros_like(cross), _symmetric(cross), torch.zeros_like(cross))


def _symmetric(form: Float[Tensor, "*_ E E"]) -> Float[Tensor, "*_ E E"]:
    return (form + form.mT) / 2
