"""A linear readout tells what is linear in the activity, and nothing else."""
import pytest
import torch
from sklearn import linear_model

from reprise.analysis.readout import readable
from reprise.core.errors import InputError


def bits(rows, seed):
    x = torch.randint(0, 2, (rows, 3), generator=torch.Generator().manual_seed(seed))
    answers = torch.stack([x[:, 1], 1 - x[:, 2], (x.sum(1) > 1).long(), x[:, 0] ^ x[:, 1]], 1)
    return 5 + 2.0 * x, answers


def test_what_is_linear_is_told_and_parity_is_not():
    found = readable(bits(2000, 0), bits(1000, 1))
    assert found[:3].tolist() == [1.0, 1.0, 1.0] and 0.4 < float(found[3]) < 0.6


def test_it_is_ridge_regression():
    torch.manual_seed(0)
    x, x_new = torch.randn(80, 6).double(), torch.randn(90, 6).double()
    y, y_new = ((z[:, :1] + torch.randn(len(z), 1) > 0).long() for z in (x, x_new))
    plain = linear_model.Ridge(alpha=0.1 * len(x) * float(x.var(0, correction=0).mean())).fit(x, 2 * y[:, 0] - 1)
    want = ((torch.from_numpy(plain.predict(x_new)) > 0) == (y_new[:, 0] > 0)).double().mean()
    assert float(readable((x, y), (x_new, y_new), ridge=0.1)) == pytest.approx(float(want))


def test_units_that_say_the_same_or_nothing_do_no_harm():
    (x, y), (x_new, y_new) = bits(500, 0), bits(500, 1)
    twice = [torch.cat([z, z, 0 * z], 1) for z in (x, x_new)]
    torch.testing.assert_close(readable((twice[0], y), (twice[1], y_new))[:3], torch.ones(3, dtype=torch.float64))


def test_misfits_are_refused():
    x, y = bits(10, 0)
    with pytest.raises(InputError, match=r"activity \(B, D\) and answers \(B, L\), twice"):
        readable((x, y[:, 0]), (x, y))
