"""RWKV-4 against transformers' RwkvSelfAttention and RwkvFeedForward: outputs, gradients, and what is carried.

Their state is compared one row at a time, since their single steps mix up the rows of a batch.
"""
import pytest
import torch
from torch.testing import assert_close
from transformers.models.rwkv.configuration_rwkv import RwkvConfig
from transformers.models.rwkv.modeling_rwkv import RwkvFeedForward, RwkvModel, RwkvSelfAttention

from reprise.layers.memory.rwkv.rwkv4 import RWKV4
from reprise.layers.memory.rwkv.rwkv4_channel import RWKV4Channel

WIDTH, HIDDEN, T = 6, 10, 23


def mixing(block: RwkvSelfAttention, read) -> dict[str, torch.Tensor]:
    """What `read` says of their parameters, by the names of ours."""
    mu = (block.time_mix_receptance, block.time_mix_key, block.time_mix_value)
    return {"mu": torch.cat([read(z) for z in mu])[:, 0], "decay": read(block.time_decay),
            "bonus": read(block.time_first), "receptance.weight": read(block.receptance.weight),
            "key.weight": read(block.key.weight), "value.weight": read(block.value.weight),
            "out.weight": read(block.output.weight)}


def channel(block: RwkvFeedForward, read) -> dict[str, torch.Tensor]:
    mu = (block.time_mix_receptance, block.time_mix_key)
    return {"mu": torch.cat([read(z) for z in mu])[:, 0], "receptance.weight": read(block.receptance.weight),
            "key.weight": read(block.key.weight), "value.weight": read(block.value.weight)}


@pytest.fixture(params=["rwkv4", "rwkv4_channel"])
def pair(request):
    """Their block, ours with the same parameters, and how theirs are read."""
    config = RwkvConfig(hidden_size=WIDTH, intermediate_size=HIDDEN, num_hidden_layers=1)
    theirs, ours, named = {
        "rwkv4": (RwkvSelfAttention(config), RWKV4(WIDTH), mixing),
        "rwkv4_channel": (RwkvFeedForward(config), RWKV4Channel(WIDTH, HIDDEN), channel)}[request.param]
    with torch.no_grad():
        for p in theirs.parameters():
            p.copy_(0.5 * torch.randn_like(p))
    ours.load_state_dict(named(theirs, torch.detach))
    return request.param, theirs, ours, named


def blank(B: int) -> list[torch.Tensor]:
    """Their cache, of one layer: channel mixing's shift, time mixing's, and the sums."""
    return [torch.full((B, WIDTH, 1), -1e30 if i == 4 else 0.0) for i in range(5)]


def test_outputs_and_gradients(pair, agree):
    name, theirs, ours, named = pair
    x, seed = torch.randn(2, T, WIDTH), torch.randn(2, T, WIDTH)
    left, right = x.clone().requires_grad_(), x.clone().requires_grad_()
    y, want = ours(left)[0], theirs(right)[0]
    y.backward(seed)
    want.backward(seed)
    agree(name, "transformers", "forward", y, want)
    agree(name, "transformers", "gradient", left.grad, right.grad, atol=1e-5)
    grads = {name: p.grad for name, p in ours.named_parameters()}
    agree(name, "transformers", "gradient", grads, named(theirs, lambda p: p.grad), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_what_is_carried(pair, agree):
    """After the first half by them and by us, the second half agrees, in one go and step by step."""
    name, theirs, ours, _ = pair
    x, half = torch.randn(1, T, WIDTH), T // 2
    cache = blank(1)
    _, cache = theirs(x[:, :half], state=cache)
    _, state = ours(x[:, :half])
    after = [z[..., 0].clone() for z in cache]
    if name == "rwkv4":
        agree(name, "transformers", "state", state, [after[1][:, None], *after[2:]])
    else:
        agree(name, "transformers", "state", state, [after[0][:, None]])
    whole = ours(x[:, half:], state)[0]
    agree(name, "transformers", "forward", whole, theirs(x[:, half:], state=[z.clone() for z in cache])[0])
    for t in range(half, T):
        want, cache = theirs(x[:, t : t + 1], state=cache)
        y, state = ours.step(x[:, t], state)
        agree(name, "transformers", "forward", y, want[:, 0])


def test_same_start():
    """But for their bonus, which is 1 in every channel, where the authors' runs over three values."""
    depth, width = 3, 32
    model = RwkvModel(RwkvConfig(hidden_size=width, num_hidden_layers=depth, vocab_size=5))
    for i, block in enumerate(model.blocks):
        ours, wide = RWKV4(width), RWKV4Channel(width)
        ours.placed(i, depth)
        wide.placed(i, depth)
        theirs = mixing(block.attention, torch.detach)
        assert_close(ours.mu.detach(), theirs["mu"])
        assert_close(ours.decay.detach(), theirs["decay"])
        assert_close(wide.mu.detach(), channel(block.feed_forward, torch.detach)["mu"])
        assert theirs["bonus"].eq(1).all() and not ours.bonus.eq(1).any()
