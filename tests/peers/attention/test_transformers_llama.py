"""Full attention against transformers' Llama with the same weights, whole and with its cache."""
import pytest
import torch
from transformers.cache_utils import DynamicCache
from transformers.models.llama.configuration_llama import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaAttention, LlamaRotaryEmbedding

from reprise.layers.attention.full_attention import FullAttention

WIDTH, HEADS, KV_HEADS, T = 24, 6, 2, 40
PARTS = {"query": "q_proj", "key": "k_proj", "value": "v_proj", "out": "o_proj"}


@pytest.fixture
def theirs() -> LlamaAttention:
    config = LlamaConfig(hidden_size=WIDTH, num_attention_heads=HEADS, num_key_value_heads=KV_HEADS)
    config._attn_implementation = "eager"
    block = LlamaAttention(config, 0)
    block.rotary = LlamaRotaryEmbedding(config)
    for p in block.parameters():
        torch.nn.init.normal_(p, std=0.4)
    return block


@pytest.fixture
def ours(theirs) -> FullAttention:
    layer = FullAttention(WIDTH, HEADS, KV_HEADS)
    layer.load_state_dict(named(theirs, torch.detach))
    return layer


def named(block: LlamaAttention, read) -> dict[str, torch.Tensor]:
    return {f"{our}.weight": read(getattr(block, their).weight) for our, their in PARTS.items()}


def run(block: LlamaAttention, x: torch.Tensor, cache: DynamicCache | None = None, seen: int = 0) -> torch.Tensor:
    n = torch.arange(seen, seen + x.shape[1])
    mask = torch.zeros(x.shape[1], seen + x.shape[1]).masked_fill(n[:, None] < torch.arange(n[-1] + 1), -torch.inf)
    turned = block.rotary(x, n.expand(len(x), -1))
    return block(x, turned, mask[None, None], past_key_values=cache)[0]


def test_outputs_and_gradients(ours, theirs, agree):
    x, seed = torch.randn(2, T, WIDTH), torch.randn(2, T, WIDTH)
    left, right = x.clone().requires_grad_(), x.clone().requires_grad_()
    y, want = ours(left)[0], run(theirs, right)
    y.backward(seed)
    want.backward(seed)
    agree("full_attention", "transformers", "forward", y, want, atol=1e-5)
    agree("full_attention", "transformers", "gradient", left.grad, right.grad, rtol=1e-4, atol=1e-4)
    grads = {name: p.grad for name, p in ours.named_parameters()}
    agree("full_attention", "transformers", "gradient", grads, named(theirs, lambda p: p.grad), rtol=1e-4, atol=1e-3)


@torch.no_grad()
def test_the_cache_is_theirs(ours, theirs, agree):
    x, cache, state = torch.randn(2, T, WIDTH), DynamicCache(), None
    for start, stop in ((0, 9), (9, 10), (10, T)):
        y, state = ours(x[:, start:stop], state)
        want = run(theirs, x[:, start:stop], cache, start)
        agree("full_attention", "transformers", "forward", y, want, atol=1e-5)
        kept = (cache.layers[0].keys.transpose(1, 2), cache.layers[0].values.transpose(1, 2))
        agree("full_attention", "transformers", "state", tuple(state.memory[:2]), kept, atol=1e-5)
