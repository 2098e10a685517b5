"""A backend preferred for everything is taken where it can be, and only as long as it is asked for."""
import pytest
import torch

from reprise.core.errors import InputError
from reprise.ops.backend import prefer
from reprise.ops.linear_attention import Association, plan as plan_attention
from reprise.ops.linear_scan import plan


def test_preferred_where_it_can_be():
    many, one = torch.zeros(1, 5, 2), torch.zeros(1, 1, 2)
    usual = plan(many)
    with prefer("parallel"):
        assert (plan(many), plan(one), plan(many, "reference")) == ("parallel", "reference", "reference")
        with prefer("fla"):
            assert plan_attention(Association(*[torch.zeros(1, 5, 2, 2)] * 4)) == "numba"
        assert plan(many) == "parallel"
    assert plan(many) == usual
    with pytest.raises(ZeroDivisionError), prefer("parallel"):
        _ = 1 / 0
    assert plan(many) == usual


def test_complex_numbers_go_where_they_are_known():
    z = torch.zeros(1, 5, 2, 2, dtype=torch.complex64)
    assert plan(z) == "numba"
    assert plan_attention(Association(z, z, z, z)) == "parallel"
    with pytest.raises(InputError, match=r"numba cannot take torch\.complex64 on cpu: it takes float32, float64"):
        plan_attention(Association(z, z, z, z), "numba")
