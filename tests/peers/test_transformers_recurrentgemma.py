"""RG-LRU and local attention against transformers' RecurrentGemma with the same weights."""
import pytest
import torch
from transformers.models.recurrent_gemma.configuration_recurrent_gemma import RecurrentGemmaConfig
from transformers.models.recurrent_gemma.modeling_recurrent_gemma import (
    RecurrentGemmaAttention,
    RecurrentGemmaRecurrentBlock,
)

from reprise.layers.attention.local_attention import LocalAttention
from reprise.layers.linear.rg_lru import RGLRU

WIDTH, HIDDEN, HEADS = 6, 12, 3


@pytest.fixture
def theirs() -> RecurrentGemmaRecurrentBlock:
    config = RecurrentGemmaConfig(hidden_size=WIDTH, lru_width=HIDDEN, num_attention_heads=HEADS, num_hidden_layers=3)
    block = RecurrentGemmaRecurrentBlock(config, 0)
    for p in block.parameters():
        torch.nn.init.normal_(p, std=0.5)
    torch.nn.init.uniform_(block.rg_lru.recurrent_param, -6, -2)
    return block


def named(block: RecurrentGemmaRecurrentBlock, read) -> dict[str, torch.Tensor]:
    """What `read` says of their parameters, by the names of ours."""
    lru = block.rg_lru
    return {
        "local.from_x.weight": read(block.linear_x.weight), "local.from_x.bias": read(block.linear_x.bias),
        "local.weight": read(block.conv_1d.weight)[:, 0].flip(-1).T, "local.bias": read(block.conv_1d.bias),
        "gates": torch.cat([read(lru.recurrent_gate_weight), read(lru.input_gate_weight)], -1),
        "gates_bias": torch.cat([read(lru.recurrent_gate_bias), read(lru.input_gate_bias)], -1),
        "decay": read(lru.recurrent_param),
        "skip.weight": read(block.linear_y.weight), "skip.bias": read(block.linear_y.bias),
        "out.weight": read(block.linear_out.weight), "out.bias": read(block.linear_out.bias),
    }


@pytest.fixture
def ours(theirs) -> RGLRU:
    layer = RGLRU(WIDTH, HIDDEN, HEADS)
    layer.load_state_dict(named(theirs, torch.detach))
    return layer


def run(block: RecurrentGemmaRecurrentBlock, x: torch.Tensor) -> torch.Tensor:
    position = torch.arange(x.shape[1]).expand(len(x), -1)
    return block(x, position, None, use_cache=False)[0]


def test_outputs_and_gradients(ours, theirs, agree):
    x, seed = torch.randn(2, 23, WIDTH), torch.randn(2, 23, WIDTH)
    left, right = x.clone().requires_grad_(), x.clone().requires_grad_()
    y, want = ours(left)[0], run(theirs, right)
    y.backward(seed)
    want.backward(seed)
    agree("rg_lru", "transformers", "forward", y, want, atol=1e-5)
    agree("rg_lru", "transformers", "gradient", left.grad, right.grad, rtol=1e-4, atol=1e-5)
    grads = {name: p.grad for name, p in ours.named_parameters()}
    agree("rg_lru", "transformers", "gradient", grads, named(theirs, lambda p: p.grad), rtol=1e-4, atol=1e-4)


def test_one_step_at_a_time(ours, theirs, agree):
    x, state = torch.randn(2, 9, WIDTH), ours.initial_state(2)
    want = run(theirs, x)
    for t in range(9):
        y, state = ours.step(x[:, t], state)
        agree("rg_lru", "transformers", "forward", y, want[:, t], atol=1e-5)


ATTENTION_WIDTH, ATTENTION_HEADS, WINDOW = 24, 3, 7


@pytest.fixture
def their_attention() -> RecurrentGemmaAttention:
    config = RecurrentGemmaConfig(
        hidden_size=ATTENTION_WIDTH, num_attention_heads=ATTENTION_HEADS, num_key_value_heads=1, head_dim=8,
        attention_window_size=WINDOW)
    config._attn_implementation = "eager"
    block = RecurrentGemmaAttention(config, 0)
    for p in block.parameters():
        torch.nn.init.normal_(p, std=0.5)
    return block


def named_attention(block: RecurrentGemmaAttention, read) -> dict[str, torch.Tensor]:
    parts = {"query": block.q_proj, "key": block.k_proj, "value": block.v_proj, "out": block.o_proj}
    return {f"{name}.weight": read(part.weight) for name, part in parts.items()} | {"out.bias": read(block.o_proj.bias)}


def attend(block: RecurrentGemmaAttention, x: torch.Tensor) -> torch.Tensor:
    n = torch.arange(x.shape[1])
    age = n[:, None] - n
    seen = (age >= 0) & (age < block.sliding_window)
    mask = torch.zeros(x.shape[1], x.shape[1]).masked_fill(~seen, -torch.inf)
    return block(x, n.expand(len(x), -1), mask[None, None])[0]


@pytest.fixture
def our_attention(their_attention) -> LocalAttention:
    layer = LocalAttention(ATTENTION_WIDTH, ATTENTION_HEADS, window=WINDOW)
    layer.load_state_dict(named_attention(their_attention, torch.detach))
    return layer


def test_attention_outputs_and_gradients(our_attention, their_attention, agree):
    x, seed = torch.randn(2, 100, ATTENTION_WIDTH), torch.randn(2, 100, ATTENTION_WIDTH)
    left, right = x.clone().requires_grad_(), x.clone().requires_grad_()
    y, want = our_attention(left)[0], attend(their_attention, right)
    y.backward(seed)
    want.backward(seed)
    agree("local_attention", "transformers", "forward", y, want, atol=1e-5)
    agree("local_attention", "transformers", "gradient", left.grad, right.grad, rtol=1e-4, atol=1e-4)
    grads = {name: p.grad for name, p in our_attention.named_parameters()}
    want_grads = named_attention(their_attention, lambda p: p.grad)
    agree("local_attention", "transformers", "gradient", grads, want_grads, rtol=1e-4, atol=1e-3)


def test_attention_one_step_at_a_time(our_attention, their_attention, agree):
    x, state = torch.randn(2, 20, ATTENTION_WIDTH), our_attention.initial_state(2)
    want = attend(their_attention, x)
    for t in range(20):
        y, state = our_attention.step(x[:, t], state)
        agree("local_attention", "transformers", "forward", y, want[:, t], atol=1e-5)
