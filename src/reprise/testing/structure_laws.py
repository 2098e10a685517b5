"""The laws of a StructureEncoder, as checks anyone may run on their own, narrow (about 4 wide) and in float64."""
import copy
import pickle
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from reprise.core.errors import InputError
from reprise.core.structure import Encoding, StructureEncoder
from reprise.testing.rows import assert_rows_agree

__all__ = ["structure_checks"]


def structure_checks() -> list[Callable[[StructureEncoder], None]]:
    """All laws, in the order they are written."""
    return [v for k, v in globals().items() if k.startswith("check_")]


def check_one_vector_a_row(encoder):
    for B, N in ((2, 1), (1, 2), (3, 5), (0, 3)):
        y, penalty = read(encoder, example(encoder, (N,) * B, N))
        assert y.shape == (B, encoder.width), f"{(B, N, encoder.width)} became {tuple(y.shape)}"
        assert penalty.shape == (B,), f"the penalty of {B} rows has shape {tuple(penalty.shape)}"
        assert not (penalty < 0).any(), "a penalty is less than nothing"


def check_padding_is_not_seen(encoder):
    """A row in a batch of longer ones, with anything behind it, is as it is alone."""
    given = example(encoder, (7, 4, 1, 2))
    behind = torch.arange(7) >= given.lengths[:, None]
    y, penalty = read(encoder, given._replace(x=given.x.masked_fill(behind[..., None], torch.nan)))
    for row, length in enumerate(given.lengths.tolist()):
        alone = read(encoder, Given(*(None if t is None else t[row : row + 1] for t in given)).cut(length))
        assert_rows_agree(y[row], alone.y[0], f"the row of {length} elements")
        assert_rows_agree(penalty[row], alone.penalty[0], f"the penalty of {length} elements", 1e-6)


def check_rows_do_not_mix(encoder):
    given = example(encoder, (5, 5, 5))
    (grad,) = torch.autograd.grad(_number(encoder, read(encoder, given).y[1]), given.x)
    assert grad[1].any(), "a row does not see itself"
    assert not grad[0].any() and not grad[2].any(), "other rows are seen"


def check_every_element_is_seen(encoder):
    given = example(encoder, (6, 3))
    (grad,) = torch.autograd.grad(_number(encoder, read(encoder, given).y), given.x)
    seen, real = (grad != 0).any(-1), torch.arange(6) < given.lengths[:, None]
    assert not (real & ~seen).any(), f"row and place not seen: {(real & ~seen).nonzero().tolist()}"


def check_a_tree_is_an_order(encoder):
    """One that is told a tree minds which pairs meet first, not by how much; another refuses one."""
    given = example(encoder, (6, 3))
    if not encoder.told:
        _refuses(encoder, given._replace(heights=torch.zeros(2, 6, dtype=torch.int64)), "leave out heights")
        return
    y = read(encoder, given).y
    assert_rows_agree(read(encoder, given._replace(heights=3 * given.heights**2)).y, y, "taller, in the same order")
    turned = given._replace(heights=torch.where(given.heights > 0, 7 - given.heights, 0))
    assert not torch.allclose(read(encoder, turned).y[0], y[0]), "another tree makes no difference"
    _refuses(encoder, given._replace(heights=None), "give heights")
    _refuses(encoder, given._replace(heights=given.heights.clamp_max(1)), "stand side by side")


def check_everything_learns(encoder):
    given = example(encoder, (7, 6, 5, 4, 3, 2))
    wanted = {name: p for name, p in encoder.named_parameters() if p.requires_grad}
    loss = _number(encoder, read(encoder, given).y)
    grads = torch.autograd.grad(loss, list(wanted.values()), allow_unused=True, materialize_grads=True)
    dead = [name for name, g in zip(wanted, grads, strict=True) if g.numel() and not g.any()]
    assert not dead, f"zero gradient in {dead}"


def check_gradients_are_right(encoder):
    given = example(encoder, (4, 3))
    assert torch.autograd.gradcheck(lambda x: tuple(read(encoder, given._replace(x=x))), (given.x,), fast_mode=True)


def check_copies_agree(encoder):
    given = example(encoder, (6, 3))
    rebuilt = type(encoder)(**encoder.options).to(torch.float64)
    rebuilt.load_state_dict(encoder.state_dict())
    for twin in (copy.deepcopy(encoder), pickle.loads(pickle.dumps(encoder)), rebuilt):
        assert torch.equal(read(twin, given).y, read(encoder, given).y), "a copy differs"


def check_same_in_training(encoder):
    given = example(encoder, (6, 3))
    trained, tested = (read(copy.deepcopy(encoder).train(mode), given).y for mode in (True, False))
    assert torch.equal(trained, tested), "training changes the output"


def check_extreme_inputs_stay_finite(encoder):
    single, given = copy.deepcopy(encoder).float(), example(encoder, (7, 3))
    for scale in (0.0, 1e3):
        x = (scale * given.x.detach().float()).requires_grad_()
        y, penalty = read(single, given._replace(x=x))
        wanted = [x, *single.parameters()]
        loss = y.square().mean() + penalty.sum()
        grads = torch.autograd.grad(loss, wanted, allow_unused=True, materialize_grads=True)
        assert all(t.isfinite().all() for t in (y, penalty, *grads)), f"not finite for inputs of size {scale:g}"


def check_errors_say_what_to_do(encoder):
    given = example(encoder, (5, 2))
    _refuses(encoder, given._replace(x=given.x[..., :-1]), f"expected x of shape (B, N, {encoder.width})")
    _refuses(encoder, given._replace(x=given.x[:, :0]), "with N of 1 or more")
    _refuses(encoder, given._replace(x=given.x.long()), "call x.float()")
    _refuses(encoder, given._replace(lengths=torch.tensor([5, 0])), "leave empty rows out")
    _refuses(encoder, given._replace(lengths=torch.tensor([5, 6])), "give lengths from 0 to T=5")


class Given(NamedTuple):
    """What an encoder is called with."""

    x: Tensor
    lengths: Tensor
    heights: Tensor | None

    def cut(self, length: int) -> "Given":
        """The first elements of each row."""
        return Given(self.x[:, :length], self.lengths, None if self.heights is None else self.heights[:, :length])


def example(encoder: StructureEncoder, lengths: tuple[int, ...], N: int | None = None) -> Given:
    """Rows of these lengths, padded to N, and trees of no two heights alike; the same at every call."""
    g, N = torch.Generator().manual_seed(0), max(lengths) if N is None else N
    x = torch.randn(len(lengths), N, encoder.width, generator=g, dtype=torch.float64).requires_grad_()
    heights = 1 + torch.rand(len(lengths), N, generator=g).argsort(1)
    counts = torch.tensor(lengths, dtype=torch.int64)
    heights = torch.where(torch.arange(N) < counts[:, None] - 1, heights, 0)
    return Given(x, counts, heights if encoder.told else None)


def read(encoder: StructureEncoder, given: Given) -> Encoding:
    return encoder(given.x, given.lengths, given.heights)


def _number(encoder: StructureEncoder, y: Tensor) -> Tensor:
    """One number of all outputs, in which none can be made up for by another."""
    return (y * torch.arange(1.0, 1 + encoder.width, dtype=torch.float64).sqrt()).square().sum()


def _refuses(encoder: StructureEncoder, given: Given, message: str) -> None:
    try:
        read(encoder, given)
    except InputError as error:
        assert message in str(error), f"expected {message!r} in {str(error)!r}"
    else:
        raise AssertionError(f"no error, expected one with {message!r}")
