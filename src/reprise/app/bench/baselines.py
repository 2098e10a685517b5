"""What else computes the same: torch's own layers, a copy through memory, and other libraries where they are."""
import importlib.util
from collections.abc import Callable

import torch
from torch import Tensor, nn

__all__ = ["Ways", "layer_baselines", "operation_baselines"]

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
    """The same layer of torch.nn; for Mamba, that of transformers on its way without CUDA."""
    if name in TORCH:
        return {f"torch.nn.{TORCH[name].__name__}": _torch_layer(TORCH[name](*x.shape[2:] * 2, batch_first=True), x,
                                                                kind_of_pass)}
    if name == "mamba" and kind_of_pass != "step" and importlib.util.find_spec("transformers") is not None:
        return {"transformers": _transformers_mamba(x, kind_of_pass == "training")}
    return {}


def _torch_layer(layer: nn.Module, x: Tensor, kind_of_pass: str) -> Callable[[], object]:
    if kind_of_pass == "training":
        x, ones = x.detach().requires_grad_(), torch.ones_like(x)
        return lambda: torch.autograd.grad(layer(x)[0], [x, *layer.parameters()], ones)
    state = None

    def forward():
        nonlocal state
        with torch.inference_mode():
            y, after = layer(x, state)
        state = after if kind_of_pass == "step" else None
        return y

    return forward


def _transformers_mamba(x: Tensor, training: bool) -> Callable[[], object]:
    from transformers import MambaConfig
    from transformers.models.mamba.modeling_mamba import MambaMixer

    mixer = MambaMixer(MambaConfig(hidden_size=x.shape[2], num_hidden_layers=1), layer_idx=0)
    if not training:
        def forward():
            with torch.no_grad():
                return mixer.slow_forward(x)

        return forward
    x, ones = x.detach().requires_grad_(), torch.ones_like(x)
    return lambda: torch.autograd.grad(mixer.slow_forward(x), [x, *mixer.parameters()], ones, allow_unused=True)


def _doubling(a: Tensor, b: Tensor) -> Tensor:
    """Hillis and Steele's: log T passes over everything."""
    shift, T = 1, b.shape[1]
    with torch.no_grad():
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
