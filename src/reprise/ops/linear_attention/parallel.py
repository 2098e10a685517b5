"""The same memory, all chunks of steps side by side as matrix products, then what each hands the next."""
from jaxtyping import Float
from torch import Tensor

from reprise.ops.chunks import chunk_size, hand_on, join, meet, split

__all__ = ["linear_attention"]

CHUNK = 64


def linear_attention(
    q: Float[Tensor, "B T H K"], k: Float[Tensor, "B T H K"], v: Float[Tensor, "B T H V"],
    log_w: Float[Tensor, "B T H #K"], S: Float[Tensor, "B H K V"],
) -> tuple[Float[Tensor, "B T H V"], Float[Tensor, "B H K V"]]:
    T = q.shape[1]
    q, k, v, log_w = (split(z, chunk_size(T, CHUNK)) for z in (q, k, v, log_w))
    chunks = meet(q, None, k[..., None, :], log_w.exp())
    starts, end = hand_on(chunks.left[..., None], chunks.writes[..., 0, :, :].mT @ v, S)
    o = chunks.scores[..., 0, :, 0, :] @ v + chunks.reads[..., 0, :, :] @ starts
    return join(o, T), end
