"""What a linear readout can tell from the activity of a network that is left as it is."""
import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from reprise.core.errors import InputError

__all__ = ["readable"]

Part = tuple[Float[Tensor, "B D"], Shaped[Tensor, "B L"]]


def readable(fitted: Part, tested: Part, ridge: float = 1e-3) -> Float[Tensor, "L"]:
    """How well the sign of a linear readout tells each of several yes-or-no answers: the share that is right.

    Fitted on activity and answers (0 or 1) by least squares to -1 and 1, with a bias; tested on others.
    ridge: of the mean square of the activity, added so that units that say the same do no harm.
    """
    (x, y), (x_new, y_new) = fitted, tested
    shapes = [tuple(z.shape) for z in (x, y, x_new, y_new)]
    (rows, *_), like = shapes[0], [shape[1:] for shape in shapes]
    if x.ndim != 2 or y.ndim != 2 or len(y) != rows or len(x_new) != len(y_new) or like[:2] != like[2:]:
        raise InputError(f"readable: expected activity (B, D) and answers (B, L), twice, got {shapes}")
    centre, level = x.double().mean(0), 2 * y.double().mean(0) - 1
    z = x.double() - centre
    gram = z.mT @ z / len(z)
    gram.diagonal().add_(ridge * gram.diagonal().mean() + 1e-12)
    weights = torch.linalg.solve(gram, z.mT @ (2 * y.double() - 1 - level) / len(z))
    said = (x_new.double() - centre) @ weights + level
    return ((said > 0) == (y_new > 0)).double().mean(0)
