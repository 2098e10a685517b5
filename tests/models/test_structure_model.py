"""Tokens of a structure in, one answer out, told the tree or not."""
import pytest
import torch

from reprise.core.errors import InputError
from reprise.models.structure_model import StructureModel

HEIGHTS = torch.tensor([[1, 2, 0], [1, 0, 0]])


@pytest.mark.parametrize("encoder", ["crvnn", "recursive"])
def test_answers(encoder, tmp_path):
    torch.manual_seed(0)
    model = StructureModel(encoder, 5, 2, width=8, options={"hidden": 6})
    x, lengths = torch.tensor([[1, 2, 3], [4, 0, 2]]), torch.tensor([3, 2])
    y, penalty = model(x, lengths, HEIGHTS)  # of which one that finds its tree takes no notice
    assert y.shape == (2, 2) and penalty.shape == (2,)
    padded, _ = model(x.index_fill(1, torch.tensor([2]), 1), lengths, HEIGHTS)
    assert torch.equal(padded[1], y[1]) and not torch.equal(padded[0], y[0])
    again = StructureModel.from_pretrained(model.save_pretrained(tmp_path / "model"))
    assert torch.equal(again(x, lengths, HEIGHTS)[0], y)


def test_errors():
    with pytest.raises(InputError, match=r"expected tokens of shape \(B, N\), got torch.float32"):
        StructureModel("crvnn", 5, 2, width=8)(torch.zeros(2, 3))
    with pytest.raises(InputError, match="no structure encoder is named 'crvn'; did you mean 'crvnn'"):
        StructureModel("crvn", 5, 2)
    with pytest.raises(InputError, match="crvnn has no option 'modulation'; did you mean 'modulated'"):
        StructureModel("crvnn", 5, 2, options={"modulation": False})
