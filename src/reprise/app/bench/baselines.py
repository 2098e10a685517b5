"""What else computes the same: torch's own layers, a copy through memory, and other libraries where they are."""
import importlib.util
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Ways", "layer_baselines", "model_baselines", "module_pass", "operation_baselines", "update"]

Ways = dict[str, Callable[[], object]]
TORCH = {"elman": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}


def operation_baselines(name: str, arguments: tuple, training: bool) -> Ways:
    """For the linear scan: the memory traffic alone, a scan by doubling in torch, and jax's compiled scan."""
    if name != "linear_scan" or arguments[1].shape[1] == 1:
        return {}
    a, b, _ = arguments
    out = torch.empty_like(b)
    found: Ways = {"torch.add(out=)": lambda: torch.add(a, b, out=out)}
    if not training:
        found["doubling in torch"] = lambda: _doubling(a, b)
        if importlib.util.find_spec("jax") is not None:
            found["jax.lax.associative_scan"] = _jax_scan(a, b)
    return found


def layer_baselines(name: str, x: Tensor, kind_of_pass: str) -> Ways:
    """The same layer of torch.nn; for Mamba, those of transformers, on its way without CUDA, and mambapy."""
    if name in TORCH:
        return {f"torch.nn.{TORCH[name].__name__}": _torch_layer(TORCH[name](*x.shape[2:] * 2, batch_first=True), x,
                                                                kind_of_pass)}
    found: Ways = {}
    if name == "mamba" and kind_of_pass != "step":
        for package, make in (("transformers", _transformers_mamba), ("mambapy", _mambapy)):
            if importlib.util.find_spec(package) is not None:
                method = make(x.shape[2])
                found[package] = module_pass(method.__self__, method, x, kind_of_pass == "training")
    return found


def model_baselines(name: str, width: int, depth: int, tokens: Tensor) -> Ways:
    """For Mamba, the language model of transformers, on its way without CUDA: it takes minutes."""
    if name != "mamba" or importlib.util.find_spec("transformers") is None:
        return {}
    from transformers import MambaConfig, MambaForCausalLM

    config = MambaConfig(vocab_size=256, hidden_size=width, num_hidden_layers=depth, use_cache=False)
    return {"transformers": update(MambaForCausalLM(config), tokens, lambda model, x: model(x).logits)}


def update(
    model: nn.Module, tokens: Tensor, logits_of: Callable[[nn.Module, Tensor], Tensor]
) -> Callable[[], object]:
    """Forward and backward pass of an update: gradients of the cross-entropy in all parameters."""
    parameters, targets = list(model.parameters()), tokens[:, 1:].flatten()

    def run():
        loss = torch.nn.functional.cross_entropy(logits_of(model, tokens[:, :-1]).flatten(0, 1), targets)
        return torch.autograd.grad(loss, parameters)

    return run


def module_pass(module: nn.Module, run: Callable[[Tensor], Any], x: Tensor, training: bool) -> Callable[[], object]:
    """Gradients of what `run`, the module or a method of it, gives (first) in the input and parameters; or that alone.
    """
    if not training:
        return lambda: run(x)
    x, ones = x.detach().requires_grad_(), torch.ones_like(x)

    def gradients():
        y = run(x)
        return torch.autograd.grad(y[0] if isinstance(y, tuple) else y, [x, *module.parameters()], ones,
                                   allow_unused=True)

    return gradients


def _transformers_mamba(width: int) -> Callable[[Tensor], Tensor]:
    from transformers import MambaConfig
    from transformers.models.mamba.modeling_mamba import MambaMixer

    return MambaMixer(MambaConfig(hidden_size=width, num_hidden_layers=1), layer_idx=0).forward


def _mambapy(width: int) -> Callable[[Tensor], Tensor]:
    from mambapy.mamba import MambaBlock, MambaConfig

    return MambaBlock(MambaConfig(d_model=width, n_layers=1)).forward


def _torch_layer(layer: nn.Module, x: Tensor, kind_of_pass: str) -> Callable[[], object]:
    if kind_of_pass == "training":
        return module_pass(layer, layer, x, training=True)
    state = None

    def forward():
        nonlocal state
        y, after = layer(x, state)
        state = after if kind_of_pass == "step" else None
        return y

    return forward


def _doubling(a: Tensor, b: Tensor) -> Tensor:
    """Hillis and Steele's: log T passes over everything."""
    shift, T = 1, b.shape[1]
    while shift < T:
        b = torch.cat([b[:, :shift], torch.addcmul(b[:, shift:], a[:, shift:], b[:, :-shift])], 1)
        a = torch.cat([a[:, :shift], a[:, shift:] * a[:, :-shift]], 1)
        shift *= 2
    return b


def _jax_scan(a: Tensor, b: Tensor) -> Callable[[], object]:
    import jax

    def meet(left, right):
        return left[0] * right[0], left[1] * right[0] + right[1]

    scan = jax.jit(lambda a, b: jax.lax.associative_scan(meet, (a, b), axis=1)[1])
    given = jax.numpy.asarray(a.numpy()), jax.numpy.asarray(b.numpy())
    return lambda: scan(*given).block_until_ready()
