"""The laws of a ChannelMixer, as checks anyone may run on their own, narrow (about 4 wide) and in float64."""
import copy
import pickle
from collections.abc import Callable

import torch
from torch import Tensor

from reprise.core.channel import ChannelMixer
from reprise.core.errors import InputError
from reprise.testing.rows import assert_rows_agree

__all__ = ["channel_checks"]


def channel_checks() -> list[Callable[[ChannelMixer], None]]:
    """All laws, in the order they are written."""
    return [v for k, v in globals().items() if k.startswith("check_")]


def check_every_step_alone(mixer):
    x = example(mixer)
    y = mixer(x)
    assert y.shape == x.shape, f"{tuple(x.shape)} became {tuple(y.shape)}"
    for t in (0, 3, 6):
        assert_rows_agree(mixer(x[:, t : t + 1]), y[:, t : t + 1], f"step {t}")
    assert_rows_agree(mixer(x.flip(1)).flip(1), y, "in another order")


def check_rows_do_not_mix(mixer):
    x = example(mixer)
    mixture = torch.arange(1.0, 1 + mixer.width, dtype=torch.float64)
    (grad,) = torch.autograd.grad(mixer(x)[1, 4] @ mixture, x)
    assert grad[1, 4].any(), "the output does not see its own step"
    assert not grad[0].any() and not grad[1, :4].any() and not grad[1, 5:].any(), "other rows or steps are seen"


def check_any_size(mixer):
    for B, T in ((0, 3), (1, 0), (1, 1), (3, 2)):
        y = mixer(torch.zeros(B, T, mixer.width, dtype=torch.float64))
        assert y.shape == (B, T, mixer.width), f"{(B, T, mixer.width)} became {tuple(y.shape)}"


def check_everything_learns(mixer):
    gradients = _gradients(mixer, example(mixer, T=40))
    dead = [name for name, g in gradients.items() if g.numel() and not g.any()]
    assert not dead, f"zero gradient in {dead}"


def check_gradients_are_right(mixer):
    assert torch.autograd.gradcheck(mixer, (example(mixer, B=1, T=3),), fast_mode=True)


def check_copies_agree(mixer):
    x = example(mixer)
    rebuilt = type(mixer)(**mixer.options).to(torch.float64)
    rebuilt.load_state_dict(mixer.state_dict())
    for twin in (copy.deepcopy(mixer), pickle.loads(pickle.dumps(mixer)), rebuilt):
        assert torch.equal(twin(x), mixer(x)), "a copy differs"


def check_same_in_training(mixer):
    x = example(mixer)
    assert torch.equal(copy.deepcopy(mixer).train()(x), copy.deepcopy(mixer).eval()(x)), "training changes the output"


def check_extreme_inputs_stay_finite(mixer):
    single = copy.deepcopy(mixer).float()
    for scale in (0.0, 1e3):
        x = (scale * example(mixer, T=40).detach().float()).requires_grad_()
        y = single(x)
        given = [x, *single.parameters()]
        grads = torch.autograd.grad(y.square().mean(), given, allow_unused=True, materialize_grads=True)
        assert all(t.isfinite().all() for t in (y, *grads)), f"not finite for inputs of size {scale:g}"


def check_bfloat16_is_near(mixer):
    x = example(mixer, T=40)
    y = copy.deepcopy(mixer).bfloat16()(x.bfloat16())
    assert y.dtype == torch.bfloat16, f"bfloat16 in, {y.dtype} out"
    far = (y.double() - mixer(x)).norm() / y.double().norm()
    assert far < 0.05, f"{far:.0%} away"


def check_runs_where_its_parameters_are(mixer):
    y = copy.deepcopy(mixer).to("meta")(torch.zeros(2, 3, mixer.width, dtype=torch.float64, device="meta"))
    assert y.device.type == "meta", f"the parameters are on meta, and the output on {y.device}"


def check_compiles_in_one_graph(mixer):
    x = example(mixer)
    torch.compiler.reset()
    assert_rows_agree(torch.compile(mixer, fullgraph=True, backend="eager")(x), mixer(x), "compiled")


def check_in_a_stack_it_is_the_same(mixer):
    """Beside nothing it mixes as it does alone, and says what it says without changing what it was given."""
    x, beside = example(mixer), {"other.thing": torch.ones(2, 7, 1)}
    y, said = mixer.mix_beside(x, beside)
    assert_rows_agree(y, mixer(x), "beside nothing of its own")
    assert list(beside) == ["other.thing"], "what it was given has changed"
    assert said.get("other.thing") is beside["other.thing"], "what it was given is lost"
    assert said.keys() == beside.keys() or mixer.looks_beside(), "it says something, and looks_beside denies it"


def check_errors_say_what_to_do(mixer):
    x = example(mixer)
    wrong = {f"got (2, 7, {mixer.width + 1})": torch.zeros(2, 7, mixer.width + 1), "expected x of shape": x[:, 0],
             "call x.float()": torch.zeros(2, 7, mixer.width, dtype=torch.long)}
    for message, given in wrong.items():
        try:
            mixer(given)
        except InputError as error:
            assert message in str(error), f"expected {message!r} in {str(error)!r}"
        else:
            raise AssertionError(f"no error, expected one with {message!r}")


def example(mixer: ChannelMixer, B: int = 2, T: int = 7) -> Tensor:
    """The same at every call."""
    g = torch.Generator().manual_seed(0)
    return torch.randn(B, T, mixer.width, generator=g, dtype=torch.float64).requires_grad_()


def _gradients(mixer: ChannelMixer, x: Tensor) -> dict[str, Tensor]:
    wanted = {"x": x, **{name: p for name, p in mixer.named_parameters() if p.requires_grad}}
    g = torch.Generator().manual_seed(1)
    loss = (mixer(x) * torch.randn(x.shape, generator=g, dtype=x.dtype)).sum()
    grads = torch.autograd.grad(loss, list(wanted.values()), allow_unused=True, materialize_grads=True)
    return dict(zip(wanted, grads, strict=True))
