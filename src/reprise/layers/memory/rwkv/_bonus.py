"""Reading with a bonus: the present step weighs differently in what is read from in what is stored."""
import torch
from jaxtyping import Float
from torch import Tensor

from reprise.core.marks import Marks
from reprise.ops.linear_attention import Association, linear_attention
from reprise.ops.normalised_scan import Running, before, include, normalised_scan

__all__ = ["average_with_bonus", "nothing_seen", "read_with_bonus"]


def nothing_seen(zero: Float[Tensor, "B *N"]) -> Running:
    return Running(zero, zero.clone(), torch.full_like(zero, -torch.inf))


def average_with_bonus(
    k: Float[Tensor, "B T *N"], v: Float[Tensor, "B T *N"], rates: tuple[Float[Tensor, "D"], Float[Tensor, "D"]],
    memory: Running, marks: Marks,
) -> tuple[Float[Tensor, "B T *N"], Running]:
    """RWKV-4's: of earlier v with weights exp(k), fading by exp(-exp(d)) a step, and of v_t with exp(u + k_t).

    rates: d and u.
    """
    k, v, decay, bonus = (z.to(memory.maximum.dtype) for z in (k, v, *rates))
    every, after = normalised_scan(k, v, -decay.exp().expand_as(k), memory, marks)
    return include(before(every, memory, marks), bonus + k, v), after


def read_with_bonus(
    p: Association, u: Float[Tensor, "H K"], S: Float[Tensor, "B H K V"], marks: Marks
) -> tuple[Float[Tensor, "B T H V"], Float[Tensor, "B H K V"]]:
    """o_t = (S_{t-1} + (u k_t) v_t')' q_t, and the last S of S_t = diag(exp log_w_t) S_{t-1} + k_t v_t'.

    The memory before a step is that after the last: every query is asked one step early, and the first of S itself;
    what is asked of the last memory, nobody reads.
    """
    q, k, v, log_w = (z.to(S.dtype) for z in p)
    early = torch.cat([q[:, 1:], q[:, :1]], 1)
    reads, end = linear_attention(Association(early, k, v, log_w), S, marks)
    first = torch.einsum("bthk,bhkv->bthv", q[:, :1], S)
    found = marks.restart(torch.cat([first, reads[:, :-1]], 1), 0.0)
    return found + (q * u.to(S.dtype) * k).sum(-1, keepdim=True) * v, end
