import pytest

from reprise.core.errors import InputError
from reprise.training.schedules import WarmupDecay, constant


def test_warms_up_then_decays():
    schedule = WarmupDecay(steps=10, warmup=4, floor=0.0)
    assert [schedule(i) for i in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert [schedule(i) for i in range(4, 11)] == pytest.approx([1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6, 0])
    assert schedule(1000) == 0.0


def test_floor_is_reached_and_kept():
    schedule = WarmupDecay(steps=4, floor=0.1)
    assert [schedule(i) for i in (0, 2, 4, 9)] == pytest.approx([1.0, 0.55, 0.1, 0.1])


def test_is_a_value():
    assert WarmupDecay(10, 2) == WarmupDecay(10, 2)
    assert WarmupDecay(5, 5)(4) == 1.0
    assert constant(0) == constant(99) == 1.0


@pytest.mark.parametrize("options", [{"steps": 4, "warmup": 5}, {"steps": 0}, {"steps": 4, "floor": 2.0}])
def test_refuses_nonsense(options):
    with pytest.raises(InputError, match="WarmupDecay: expected"):
        WarmupDecay(**options)
